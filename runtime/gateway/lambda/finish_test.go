package lambda_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// finishing serves one function and gives the server's address.
func finishing(t *testing.T, invoke gatewaytest.Invoker) string {
	t.Helper()
	c := &gatewaytest.Catalog{}
	if _, err := c.Put(t.Context(), spec.Function{Name: "f", Image: "x"}); err != nil {
		t.Fatal(err)
	}
	api := lambda.New(lambda.Options{Invoker: invoke, Functions: c, Aliases: c, Stall: 100 * time.Millisecond})
	srv := httptest.NewServer(gateway.New(gateway.Options{Routes: []gateway.Routes{api}}).Handler())
	t.Cleanup(func() { srv.Close(); http.DefaultClient.CloseIdleConnections() })
	return strings.TrimPrefix(srv.URL, "http://")
}

// TestAFunctionFinishesWithoutItsCaller, by Invoke as by InvokeWithResponseStream, as at AWS.
func TestAFunctionFinishesWithoutItsCaller(t *testing.T) {
	for _, path := range []string{"/2015-03-31/functions/f/invocations", "/2021-11-15/functions/f/response-streaming-invocations"} {
		started, left, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		addr := finishing(t, func(ctx context.Context, _ spec.Invocation) (*spec.Result, error) {
			close(started)
			<-left
			select {
			case <-ctx.Done():
			case <-time.After(300 * time.Millisecond): // long enough to hear of a caller that left
			}
			done <- ctx.Err()
			return gatewaytest.Answer([]byte("1")), nil
		})
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", path)
		<-started
		c.Close()
		close(left)
		if err := <-done; err != nil {
			t.Errorf("%s: the function was told to end: %v", path, err)
		}
	}
}

// TestACallerWhoDoesNotReadLosesTheRest: the function finishes, and nobody waits for the caller.
func TestACallerWhoDoesNotReadLosesTheRest(t *testing.T) {
	read, done := 0, make(chan error, 1)
	addr := finishing(t, func(ctx context.Context, _ spec.Invocation) (*spec.Result, error) {
		r, w := io.Pipe()
		go func() {
			b := make([]byte, 1<<20)
			for range 100 {
				n, err := w.Write(b)
				if read += n; err != nil {
					break
				}
			}
			done <- ctx.Err()
			w.Close()
		}()
		return gatewaytest.Stream("application/octet-stream", r, spec.Trailer{}), nil
	})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.(*net.TCPConn).SetReadBuffer(4 << 10)
	fmt.Fprint(c, "POST /2021-11-15/functions/f/response-streaming-invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
	select {
	case err := <-done:
		if err != nil || read != 100<<20 {
			t.Errorf("after %d bytes: %v", read, err)
		}
	case <-time.After(patience):
		t.Fatal("the function is still held")
	}
}

// TestPayloadsThatAreNotUTF8 are refused before a function sees them, as at AWS.
func TestPayloadsThatAreNotUTF8(t *testing.T) {
	calls := 0
	addr := finishing(t, func(context.Context, spec.Invocation) (*spec.Result, error) {
		calls++
		return gatewaytest.Answer([]byte("1")), nil
	})
	for _, body := range []string{"\"\xff\"", "{\"a\xc3\":1}", "\xed\xa0\x80", `{"a":`, "\"\xf0\x9f\""} {
		resp, err := http.Post("http://"+addr+"/2015-03-31/functions/f/invocations", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 400 || resp.Header.Get("X-Amzn-Errortype") != "InvalidRequestContentException" || calls != 0 {
			t.Errorf("%q: %d %s", body, resp.StatusCode, resp.Header.Get("X-Amzn-Errortype"))
		}
	}
}
