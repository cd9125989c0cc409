package url_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// endless is a body of n bytes, of which ctx ends the reading.
type endless struct {
	ctx    context.Context //nolint:containedctx // a test's
	left   int
	closed chan struct{}
	told   *atomic.Bool // whether the function had been told to end when its answer was let go
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	if e.ctx.Err() != nil {
		return 0, e.ctx.Err()
	}
	n := min(len(p), e.left)
	for i := range p[:n] {
		p[i] = 'a'
	}
	e.left -= n
	return n, nil
}

func (e *endless) Close() error {
	e.told.Store(e.ctx.Err() != nil)
	close(e.closed)
	return nil
}

// unread sends a GET and reads nothing of the answer.
func unread(t *testing.T, addr, path string, header ...string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(addr, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.(*net.TCPConn).SetReadBuffer(4 << 10)
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, strings.Join(header, ""))
}

// TestAReaderWhoStopsHoldsNoInstance: the function is let go, at once when its answer is not too long to be kept, and
// after the stall limit when it is; be it streamed, collected or told as events.
func TestAReaderWhoStopsHoldsNoInstance(t *testing.T) {
	for _, c := range []struct {
		mode, content string
		size          int
		header        string
		cancelled     bool
	}{
		{"RESPONSE_STREAM", "text/plain", 20 << 20, "", false},
		{"RESPONSE_STREAM", "text/plain", 1 << 40, "", true},
		{"RESPONSE_STREAM", "text/event-stream", 1 << 40, "Accept: text/event-stream\r\n", true},
		{"BUFFERED", "text/plain", 20 << 20, "", false},
		{"BUFFERED", "text/plain", 20 << 20, "Accept: text/event-stream\r\n", false},
	} {
		var cancelled atomic.Bool
		closed := make(chan struct{})
		addr := serveReaders(t, 100*time.Millisecond, spec.Function{URL: spec.URL{InvokeMode: c.mode}}, func(ctx context.Context, _ spec.Invocation) (*spec.Result, error) {
			return gatewaytest.Stream(c.content, &endless{ctx, c.size, closed, &cancelled}, spec.Trailer{}), nil
		})
		unread(t, addr, "/fn/echo/", c.header)
		select {
		case <-closed:
		case <-time.After(20 * time.Second):
			t.Fatalf("%+v: the instance is still held", c)
		}
		if c.cancelled && !cancelled.Load() {
			t.Errorf("%+v: the function was not told", c)
		}
	}
}

// TestASlowProgressReaderIsCutOff: reports that nobody reads must not hold the function.
func TestASlowProgressReaderIsCutOff(t *testing.T) {
	done := make(chan error, 1)
	addr := serveReaders(t, 100*time.Millisecond, spec.Function{}, func(ctx context.Context, inv spec.Invocation) (*spec.Result, error) {
		for ctx.Err() == nil {
			inv.OnProgress(spec.Progress{Message: strings.Repeat("x", 1<<20)})
		}
		done <- context.Cause(ctx)
		return nil, ctx.Err()
	})
	unread(t, addr, "/fn/echo/", "Accept: text/event-stream\r\n")
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the function still waits")
	}
}

// TestAStreamThatFailsBeforeItsFirstByte has a status that says so, and the public does not learn where in the code.
func TestAStreamThatFailsBeforeItsFirstByte(t *testing.T) {
	const said = `{"errorType":"Boom","errorMessage":"no <luck>","stackTrace":["/var/task/secret.py:7"],"trace":["at secret.js:1"],"cause":{"x":1}}`
	failed := spec.Trailer{FunctionError: "Unhandled", ErrorType: "Boom", ErrorBody: []byte(said)}
	whole := gatewaytest.Fail("Unhandled", "Boom", []byte(said))
	first := gatewaytest.Stream("text/plain", strings.NewReader(""), failed)
	first.FunctionError = "Unhandled"
	for name, res := range map[string]*spec.Result{
		"at once": first, "after its head": gatewaytest.Stream("text/plain", strings.NewReader(""), failed),
		"after a prelude": gatewaytest.Stream("application/vnd.awslambda.http-integration-response", strings.NewReader(prelude), failed),
		"in one piece":    whole,
	} {
		addr := serve(t, spec.Function{URL: spec.URL{InvokeMode: "RESPONSE_STREAM"}}, func(context.Context, spec.Invocation) (*spec.Result, error) { return res, nil })
		resp, body := do(t, request(t, "GET", addr+"/fn/echo/", ""))
		if want := `{"errorType":"Boom","errorMessage":"no \u003cluck\u003e"}`; resp.StatusCode != http.StatusBadGateway || body != want {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
}

// TestLongAnswersAsEvents keeps what JSON can carry as text, and the rest in base64, over the ends of pieces.
func TestLongAnswersAsEvents(t *testing.T) {
	for content, unit := range map[string]string{"text/plain": "é\u2028€\\\"\n😀x", "image/png": "\xff\x00\x01", "text/html": "\xff<"} {
		want := strings.Repeat(unit, 30000)
		addr := serve(t, spec.Function{}, func(context.Context, spec.Invocation) (*spec.Result, error) {
			return gatewaytest.Stream("application/vnd.awslambda.http-integration-response",
				strings.NewReader(`{"headers":{"content-type":"`+content+`"}}`+strings.Repeat("\x00", 8)+want), spec.Trailer{}), nil
		})
		resp, err := http.DefaultTransport.RoundTrip(request(t, "GET", addr+"/fn/echo/", "", "Accept", "text/event-stream"))
		if err != nil {
			t.Fatal(err)
		}
		_, data, _ := sse(t, resp.Body)
		resp.Body.Close()
		if got := resultBody(t, data[len(data)-1]); got != want {
			t.Errorf("%s: %d bytes of %d", content, len(got), len(want))
		}
	}
}

func resultBody(t *testing.T, data string) string {
	t.Helper()
	var r struct {
		Body   string
		Base64 []byte
	}
	if err := json.Unmarshal([]byte(data), &r); err != nil {
		t.Fatalf("%v: %.200s", err, data)
	}
	return r.Body + string(r.Base64)
}
