package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Caller invokes one function over kept-alive connections.
type Caller struct {
	client *http.Client
	url    string
}

// InvokeAPI calls through Lambda's Invoke.
func (s *Server) InvokeAPI(function string, workers int) *Caller {
	return newCaller(s.URL+"/2015-03-31/functions/"+function+"/invocations", workers)
}

// FunctionURL calls through the function's URL.
func (s *Server) FunctionURL(function string, workers int) *Caller {
	return newCaller(s.URL+"/fn/"+function+"/", workers)
}

func newCaller(url string, workers int) *Caller {
	return &Caller{url: url, client: &http.Client{Transport: &http.Transport{
		MaxIdleConns: workers, MaxIdleConnsPerHost: workers, DisableCompression: true,
		DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	}}}
}

// Close closes the connections.
func (c *Caller) Close() { c.client.CloseIdleConnections() }

// Call sends one event and reads the answer to its end. It gives the time to the answer's head.
func (c *Caller) Call(ctx context.Context, event []byte) (head time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(event))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	start := time.Now()
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, err
	}
	head = time.Since(start)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || resp.Header.Get("X-Amz-Function-Error") != "") {
		err = fmt.Errorf("%s: %s", resp.Status, b)
	}
	return head, err
}
