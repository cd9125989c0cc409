package lambda_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// rawClient invokes without an SDK, for benchmarks.
type rawClient struct {
	http.Client
	url string
}

func newRawClient(url string) *rawClient {
	return &rawClient{http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}}, url}
}

func (c *rawClient) invoke(name string) error {
	resp, err := c.Post(c.url+"/2015-03-31/functions/"+name+"/invocations", "application/json", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != "{}" {
		return fmt.Errorf("%s: %q %w", resp.Status, b, err)
	}
	return nil
}

// sinkServer is an http destination that gives what it gets to a channel.
func sinkServer(t *testing.T, got chan<- string) string {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- string(b)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}
