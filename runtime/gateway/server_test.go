package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server with one handler at /x and gives its address.
func serve(t *testing.T, o gateway.Options, h http.HandlerFunc) (*gateway.Server, string) {
	t.Helper()
	o.Routes = append(o.Routes, gateway.Mount{Pattern: "POST /x", Handler: h})
	s := gateway.New(o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := errors.Join(s.Stop(context.Background()), <-done); err != nil {
			t.Error(err)
		}
	})
	return s, l.Addr().String()
}

func post(t *testing.T, url string, body io.Reader) (*http.Response, string) {
	t.Helper()
	resp, err := http.Post(url, "text/plain", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestEveryResponseHasTimingAndAnID(t *testing.T) {
	_, addr := serve(t, gateway.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		gateway.SetPhases(w, spec.Phases{Queue: time.Millisecond, Create: 60 * time.Millisecond, Start: 12500 * time.Microsecond, Cold: true}, 0)
		io.WriteString(w, "ok")
	})
	ids := map[string]bool{}
	for path, want := range map[string]string{"/x": "queue;dur=1, create;dur=60, start;dur=12.5, cold, total;dur=", "/nowhere": "total;dur="} {
		resp, _ := post(t, "http://"+addr+path, nil)
		if st := resp.Header.Get("Server-Timing"); !strings.HasPrefix(st, want) {
			t.Errorf("%s: %q", path, st)
		}
		ids[resp.Header.Get("X-Amzn-Requestid")] = true
	}
	if len(ids) != 2 || ids[""] {
		t.Errorf("ids %v", ids)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	_, addr := serve(t, gateway.Options{}, func(http.ResponseWriter, *http.Request) {})
	resp, err := http.Get("http://" + addr + "/x")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "POST" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	for path, kind := range map[string]string{"/y": "application/problem+json", "/2015-03-31/y": "application/json"} {
		resp, body := post(t, "http://"+addr+path, nil)
		if resp.StatusCode != 404 || resp.Header.Get("Content-Type") != kind || !strings.Contains(body, `"message":"nothing is served at `+path) {
			t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
		}
	}
}

// TestWhereAJobIsPosted is told to whoever posts one elsewhere.
func TestWhereAJobIsPosted(t *testing.T) {
	s := gateway.New(gateway.Options{Routes: []gateway.Routes{gateway.Mount{Pattern: "GET /v1/jobs", Handler: http.NotFoundHandler()}, gateway.Mount{Pattern: "GET /v1/models/{model}/jobs", Handler: http.NotFoundHandler()}}})
	for ask, says := range map[string]string{
		"POST /v1/jobs": "POST /v1/models/MODEL/generate", "PUT /v1/jobs/": "POST /v1/models/MODEL/generate", "POST /v1/models/wan21/jobs": "POST /v1/models/wan21/generate",
		"POST /jobs": "POST /generate", "POST /v1/generate": "POST /v1/models/MODEL/generate", "POST /v1/batch": "POST /v1/models/MODEL/batch",
		"DELETE /v1/jobs": "", "GET /v1/generate": "", "POST /y": "",
	} {
		method, path, _ := strings.Cut(ask, " ")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(method, "http://localhost"+path, nil))
		if body := w.Body.String(); w.Code < 404 || says == "" && strings.Contains(body, "a job is made") || !strings.Contains(body, says) {
			t.Errorf("%s: %d %s", ask, w.Code, body)
		}
	}
}

func TestPagesOfOtherOriginsAreRefused(t *testing.T) {
	o := gateway.Options{Origins: []string{"https://studio.example"}}
	_, addr := serve(t, o, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	for origin, want := range map[string]int{"https://studio.example": 200, "": 200, "http://" + addr: 200, "http://evil.example": 403, "null": 403} {
		r, _ := http.NewRequest("POST", "http://"+addr+"/x", strings.NewReader("{}"))
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%q: %d, want %d", origin, resp.StatusCode, want)
		}
	}
}

// TestABodyThatNobodyWants is refused by handlers that do not read it: the answer must not wait for a client that does not
// send what it has announced, and must reach one that sends everything first.
func TestABodyThatNobodyWants(t *testing.T) {
	_, addr := serve(t, gateway.Options{}, func(w http.ResponseWriter, r *http.Request) {
		_, err := gateway.ReadBody(r, 1<<20, "the payload")
		gateway.WriteError(w, err)
	})
	ask := func(head string, body []byte, status string) (rest *bufio.Reader, c net.Conn) {
		t.Helper()
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(8 * time.Second))
		if _, err := c.Write(append([]byte(head+"\r\nHost: localhost\r\n\r\n"), body...)); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", head, err)
		}
		io.Copy(io.Discard, resp.Body)
		if !strings.HasPrefix(resp.Status, status) {
			t.Errorf("%s: %s, want %s", head, resp.Status, status)
		}
		return in, c
	}
	ended := func(in *bufio.Reader) {
		t.Helper()
		if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("the connection goes on: %v", err)
		}
	}
	for _, head := range []string{"POST /x HTTP/1.1\r\nContent-Length: 31457280", "POST /x HTTP/1.1\r\nContent-Length: 31457280\r\nExpect: 100-continue"} {
		in, _ := ask(head, nil, "413")
		ended(in)
	}
	in, _ := ask("POST /nowhere HTTP/1.1\r\nContent-Length: 100", []byte("{"), "404")
	ended(in)
	in, _ = ask("POST /x HTTP/1.1\r\nContent-Length: 31457280", make([]byte, 31457280), "413")
	if in.Buffered() != 0 {
		t.Error("more than an answer")
	}
	in, c := ask("POST /nowhere HTTP/1.1\r\nContent-Length: 3", []byte("abc"), "404")
	fmt.Fprint(c, "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != 404 {
		t.Errorf("the connection was not kept: %v", err)
	}
}

func TestOversizedBodies(t *testing.T) {
	_, addr := serve(t, gateway.Options{MaxBody: 1000}, func(w http.ResponseWriter, r *http.Request) {
		_, err := gateway.ReadBody(r, 100, "the payload")
		if strings.HasPrefix(r.Header.Get("Content-Type"), "text") {
			gateway.WriteError(w, err)
		}
	})
	for _, n := range []int{101, 5000} {
		for _, body := range []io.Reader{bytes.NewReader(make([]byte, n)), io.MultiReader(bytes.NewReader(make([]byte, n)))} {
			if resp, got := post(t, "http://"+addr+"/x", body); resp.StatusCode != 413 || resp.Header.Get("X-Amzn-Errortype") != "RequestTooLargeException" {
				t.Errorf("%d: %d %s", n, resp.StatusCode, got)
			}
		}
	}
}

// A client that sends everything before it reads must find the answer, not a closed connection.
func TestOversizedBodiesAreHeardOut(t *testing.T) {
	_, addr := serve(t, gateway.Options{}, func(w http.ResponseWriter, r *http.Request) {
		_, err := gateway.ReadBody(r, 100, "the payload")
		gateway.WriteError(w, err)
	})
	for _, head := range []string{"Content-Length: 8388608\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n800000\r\n"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		tail := ""
		if strings.HasPrefix(head, "T") {
			tail = "\r\n0\r\n\r\n"
		}
		if _, err := io.Copy(conn, io.MultiReader(strings.NewReader("POST /x HTTP/1.1\r\nHost: localhost\r\n"+head), bytes.NewReader(make([]byte, 8<<20)), strings.NewReader(tail))); err != nil {
			t.Fatalf("%q: %v", head, err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%q: %v", head, err)
		}
		if resp.Body.Close(); resp.StatusCode != 413 {
			t.Errorf("%q: %s", head, resp.Status)
		}
	}
}

// Neither a client that waits to be asked to go on nor one that never sends what it announced waits for its refusal.
func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	_, addr := serve(t, gateway.Options{BodyTimeout: 50 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		gateway.WriteError(w, errdefs.ErrNotFound)
	})
	for _, expect := range []string{"Expect: 100-continue\r\n", ""} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /x HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: 1000\r\n\r\n", expect)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != 404 || !resp.Close {
			t.Errorf("%q: %s, close %v", expect, resp.Status, resp.Close)
		}
	}
}

func TestAPanicIs500AndTheServerGoesOn(t *testing.T) {
	var log bytes.Buffer
	_, addr := serve(t, gateway.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, func(http.ResponseWriter, *http.Request) { panic("boom") })
	for range 2 {
		if resp, body := post(t, "http://"+addr+"/x", nil); resp.StatusCode != 500 || strings.Contains(body, "boom") {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
	}
	if !strings.Contains(log.String(), "boom") {
		t.Errorf("log: %s", log.String())
	}
}

func TestStopWaitsForAnswersThenCancels(t *testing.T) {
	started, cancelled := make(chan struct{}), make(chan error, 1)
	s, addr := serve(t, gateway.Options{}, func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
		cancelled <- context.Cause(r.Context())
	})
	go func() {
		if resp, err := http.Post("http://"+addr+"/x", "", nil); err == nil {
			resp.Body.Close()
		}
	}()
	<-started
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if err := <-cancelled; err == nil {
		t.Error("the request was not cancelled")
	}
}

// TestStopEndsWhatIsFollowed: an answer that lasts for as long as its reader stays does not hold the stop.
func TestStopEndsWhatIsFollowed(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	s, addr := serve(t, gateway.Options{}, func(_ http.ResponseWriter, r *http.Request) {
		ctx, cancel := gateway.Following(r)
		defer cancel()
		close(started)
		<-ctx.Done()
		if r.Context().Err() != nil {
			t.Error("the request was cancelled with it")
		}
		close(ended)
	})
	go func() {
		if resp, err := http.Post("http://"+addr+"/x", "", nil); err == nil {
			resp.Body.Close()
		}
	}()
	<-started
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	<-ended
}

func TestExplainMapsEveryClass(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		kind   string
	}{
		{errdefs.ErrNotFound, 404, "ResourceNotFoundException"}, {errdefs.ErrInvalidArgument, 400, "InvalidParameterValueException"},
		{errdefs.ErrAlreadyExists, 409, "ResourceConflictException"}, {errdefs.ErrConflict, 409, "ResourceConflictException"},
		{errdefs.ErrFailedPrecondition, 412, "PreconditionFailedException"}, {errdefs.ErrOutOfRange, 413, "RequestTooLargeException"},
		{errdefs.ErrResourceExhausted, 429, "TooManyRequestsException"}, {errdefs.ErrUnavailable, 503, "ServiceException"},
		{errdefs.ErrPermissionDenied, 403, "AccessDeniedException"}, {errdefs.ErrUnauthenticated, 403, "UnrecognizedClientException"},
		{context.DeadlineExceeded, 504, "ServiceException"}, {context.Canceled, 499, "ServiceException"},
		{errors.New("x"), 500, "ServiceException"}, {&http.MaxBytesError{Limit: 1}, 413, "RequestTooLargeException"},
	} {
		if p := gateway.Explain(fmt.Errorf("wrapped: %w", c.err)); p.Status != c.status || p.Type != c.kind {
			t.Errorf("%v: %+v", c.err, p)
		}
	}
	if p := gateway.Explain(fmt.Errorf("there is no such thing; make one: %w", errdefs.ErrNotFound)); p.Message != "there is no such thing; make one" {
		t.Errorf("message %q", p.Message)
	}
	p := gateway.Explain(&spec.RetryError{After: 1200 * time.Millisecond, Err: errdefs.ErrUnavailable})
	if p.RetryAfter != 1200*time.Millisecond || p.Status != 503 {
		t.Errorf("%+v", p)
	}
	if p := gateway.Explain(&spec.RetryError{Err: errdefs.ErrResourceExhausted}); p.RetryAfter < time.Minute {
		t.Errorf("never: %+v", p)
	}
}
