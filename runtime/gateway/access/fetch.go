package access

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth/token"
)

const maxSet = 1 << 20 // bytes of an issuer's keys

// Fetch is a token.Get.
func Fetch(ctx context.Context, address string) ([]byte, error) {
	client := &http.Client{Timeout: 5 * time.Second, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if !token.Safe(r.URL) || len(via) > 3 {
			return fmt.Errorf("it redirects to %s", r.URL)
		}
		return nil
	}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers with %s", resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxSet+1))
	if err == nil && len(b) > maxSet {
		err = fmt.Errorf("it has more than %d bytes", maxSet)
	}
	return b, err
}
