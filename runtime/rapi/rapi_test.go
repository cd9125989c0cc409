package rapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink records an answer.
type sink struct {
	mu       sync.Mutex
	head     Head
	body     bytes.Buffer
	progress []string
	broken   string
	outcome  Outcome
	started  int
	done     chan struct{}
}

func newSink() *sink { return &sink{done: make(chan struct{})} }

func (s *sink) Started(time.Time) { s.mu.Lock(); s.started++; s.mu.Unlock() }
func (s *sink) Head(h Head) error { s.mu.Lock(); s.head = h; s.mu.Unlock(); return nil }
func (s *sink) Data(p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body.Write(p)
	return nil
}
func (s *sink) Flush() error  { return nil }
func (s *sink) End(o Outcome) { s.outcome = o; close(s.done) }
func (s *sink) Progress(b []byte) {
	s.mu.Lock()
	s.progress = append(s.progress, string(b))
	s.mu.Unlock()
}
func (s *sink) Broken(why string) { s.broken = why; close(s.done) }

// rig is a server and a function's client.
type rig struct {
	*testing.T
	s        *Server
	base     string
	c        *http.Client
	ready    chan Ready
	initErr  chan string
	restored chan string
}

func start(t *testing.T, opt Options) *rig {
	t.Helper()
	r := &rig{T: t, ready: make(chan Ready, 1), initErr: make(chan string, 1), restored: make(chan string, 1)}
	opt.OnReady = func(x Ready) { r.ready <- x }
	opt.OnInitError = func(b []byte) { r.initErr <- string(b) }
	opt.OnRestored = func(b []byte) { r.restored <- string(b) }
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.s, r.base = New(opt), "http://"+ln.Addr().String()
	done := make(chan error, 1)
	go func() { done <- r.s.Serve(ln) }()
	tr := &http.Transport{}
	r.c = &http.Client{Transport: tr}
	t.Cleanup(func() { tr.CloseIdleConnections(); r.s.Close(); <-done })
	return r
}

// do makes a request and gives status and body.
func (r *rig) do(method, path, body string, header ...string) (int, string, http.Header) {
	r.Helper()
	req, err := http.NewRequest(method, r.base+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := r.c.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), resp.Header
}

const api = "/2018-06-01/runtime/"

// take submits an event and lets the function have it.
func (r *rig) take(id string) *sink {
	r.Helper()
	sk := newSink()
	if _, err := r.s.Submit(Event{ID: id, Payload: []byte("{}"), DeadlineMs: 5, ARN: "arn", TraceID: "t"}, sk); err != nil {
		r.Fatal(err)
	}
	status, body, h := r.do("GET", api+"invocation/next", "")
	if status != 200 || body != "{}" || h.Get("Lambda-Runtime-Aws-Request-Id") != id || h.Get("Lambda-Runtime-Deadline-Ms") != "5" ||
		h.Get("Lambda-Runtime-Invoked-Function-Arn") != "arn" || h.Get("Lambda-Runtime-Trace-Id") != "t" {
		r.Fatalf("next: %d %q %v", status, body, h)
	}
	return sk
}

func TestResponse(t *testing.T) {
	r := start(t, Options{})
	sk := r.take("a")
	<-r.ready
	if st, _, _ := r.do("POST", api+"invocation/other/response", "x"); st != 400 {
		t.Errorf("an unknown id: %d", st)
	}
	if st, b, _ := r.do("POST", api+"invocation/a/response", "answer", "Content-Type", "text/x"); st != 202 {
		t.Errorf("response: %d %s", st, b)
	}
	<-sk.done
	if sk.body.String() != "answer" || sk.head.ContentType != "text/x" || sk.head.Streaming || sk.started != 1 {
		t.Errorf("%+v %q", sk.head, &sk.body)
	}
	if st, _, _ := r.do("POST", api+"invocation/a/response", "again"); st != 400 {
		t.Errorf("a second answer: %d", st)
	}
}

func TestError(t *testing.T) {
	r := start(t, Options{})
	sk := r.take("a")
	if st, _, _ := r.do("POST", api+"invocation/a/error", `{"errorType":"Bad","errorMessage":"m"}`); st != 202 {
		t.Errorf("error: %d", st)
	}
	<-sk.done
	if sk.outcome.ErrorType != "Bad" || sk.head.FunctionError != "Handled" || !strings.Contains(sk.body.String(), `"m"`) {
		t.Errorf("%+v %+v", sk.head, sk.outcome)
	}
}

func TestTooLarge(t *testing.T) {
	r := start(t, Options{MaxResponse: 10})
	sk := r.take("a")
	if st, _, _ := r.do("POST", api+"invocation/a/response", "eleven bytes"); st != 413 {
		t.Errorf("status %d", st)
	}
	<-sk.done
	if sk.outcome.ErrorType != "Function.ResponseSizeTooLarge" || sk.outcome.FunctionError != "Unhandled" {
		t.Errorf("%+v", sk.outcome)
	}
}

func TestStreamWithTrailers(t *testing.T) {
	r := start(t, Options{})
	sk := r.take("a")
	pr, pw := io.Pipe()
	req, _ := http.NewRequest("POST", r.base+api+"invocation/a/response", pr)
	req.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
	req.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": nil, "Lambda-Runtime-Function-Error-Body": nil}
	go func() {
		pw.Write([]byte("piece"))
		req.Trailer.Set("Lambda-Runtime-Function-Error-Type", "Broke")
		req.Trailer.Set("Lambda-Runtime-Function-Error-Body", "eyJhIjoxfQ==") // {"a":1}
		pw.Close()
	}()
	resp, err := r.c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	<-sk.done
	if !sk.head.Streaming || sk.outcome.ErrorType != "Broke" || string(sk.outcome.ErrorBody) != `{"a":1}` || sk.body.String() != "piece" {
		t.Errorf("%+v %+v %q", sk.head, sk.outcome, &sk.body)
	}
}

// TestHowFastDoesNotDecide: whether an answer of unknown length streams is what it is, not how it is timed. A pause in the
// middle, as of a function that is short of CPU, changes nothing.
func TestHowFastDoesNotDecide(t *testing.T) {
	r := start(t, Options{})
	for content, streams := range map[string]bool{
		"": false, "application/json": false, "Application/JSON; charset=utf-8": false, "application/x-www-form-urlencoded": false,
		"application/octet-stream": true, "video/mp4": true, integrationType: true,
	} {
		for _, pause := range []time.Duration{0, 5 * hold} {
			sk := r.take("a")
			pr, pw := io.Pipe()
			req, _ := http.NewRequest("POST", r.base+api+"invocation/a/response", pr)
			if content != "" {
				req.Header.Set("Content-Type", content)
			}
			go func() {
				pw.Write([]byte("one"))
				time.Sleep(pause)
				pw.Write([]byte("two"))
				pw.Close()
			}()
			resp, err := r.c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			<-sk.done
			if sk.head.Streaming != streams || sk.body.String() != "onetwo" {
				t.Errorf("%q with a pause of %s: streams is %v, %q", content, pause, sk.head.Streaming, &sk.body)
			}
		}
	}
}

func TestBrokenOff(t *testing.T) {
	r := start(t, Options{})
	sk := r.take("a")
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST %sinvocation/a/response HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf", api)
	conn.Close()
	<-sk.done
	if sk.broken == "" {
		t.Error("half an answer passed for a whole one")
	}
}

func TestNextWithoutAnswer(t *testing.T) {
	r := start(t, Options{})
	sk := r.take("a")
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %sinvocation/next HTTP/1.1\r\n\r\n", api)
	<-sk.done
	if sk.broken == "" {
		t.Error("an event without an answer ended well")
	}
}

func TestBusy(t *testing.T) {
	r := start(t, Options{EventsAtOnce: 2})
	for _, id := range []string{"a", "b"} {
		if _, err := r.s.Submit(Event{ID: id}, newSink()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.s.Submit(Event{ID: "c"}, newSink()); !errors.Is(err, ErrBusy) {
		t.Errorf("a third: %v", err)
	}
}

// TestPayloadIsFreedOnce, when the function has it: not while it waits, and not again with its answer.
func TestPayloadIsFreedOnce(t *testing.T) {
	r := start(t, Options{})
	var freed atomic.Int32
	sk := newSink()
	if _, err := r.s.Submit(Event{ID: "a", Payload: []byte("{}"), Free: func() { freed.Add(1) }}, sk); err != nil {
		t.Fatal(err)
	}
	if n := freed.Load(); n != 0 {
		t.Errorf("freed %d times before anybody asked for it", n)
	}
	if status, body, _ := r.do("GET", api+"invocation/next", ""); status != 200 || body != "{}" {
		t.Fatalf("%d %q", status, body)
	}
	r.do("POST", api+"invocation/a/response", "x")
	<-sk.done
	r.s.Close() // whoever sent the event has ended
	if n := freed.Load(); n != 1 {
		t.Errorf("freed %d times", n)
	}
}

// TestPollerGone gives an event to the next poll when the first poller has gone away.
func TestPollerGone(t *testing.T) {
	r := start(t, Options{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %sinvocation/next HTTP/1.1\r\n\r\n", api)
	<-r.ready
	conn.Close()
	for r.polling() > 0 {
		time.Sleep(time.Millisecond) // until the server has noticed
	}
	r.take("a")
}

func (r *rig) polling() int {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return len(r.s.polls)
}

func TestAbandonQueued(t *testing.T) {
	r := start(t, Options{})
	c, err := r.s.Submit(Event{ID: "a"}, newSink())
	if err != nil {
		t.Fatal(err)
	}
	if c.Abandon() {
		t.Error("the function holds an event that it never got")
	}
	r.take("b")
}

func TestProgressAndCancellation(t *testing.T) {
	r := start(t, Options{})
	sk := newSink()
	c, err := r.s.Submit(Event{ID: "a"}, sk)
	if err != nil {
		t.Fatal(err)
	}
	r.do("GET", api+"invocation/next", "")
	if st, _, _ := r.do("POST", api+"invocation/a/progress", `{"step":1}`); st != 202 || len(sk.progress) != 1 {
		t.Errorf("progress: %d %v", st, sk.progress)
	}
	if st, _, _ := r.do("POST", api+"invocation/a/progress", `nonsense`); st != 400 {
		t.Errorf("progress that is not JSON: %d", st)
	}
	for _, grown := range []string{strings.Repeat("\u2028", 200<<10), strings.Repeat("\xff", 300<<10)} {
		st, _, _ := r.do("POST", api+"invocation/a/progress", `{"message":"`+grown+`"}`)
		if st != 413 && st != 202 {
			t.Errorf("progress that grows: %d", st)
		}
		for _, b := range sk.progress {
			if len(b) > maxProgress {
				t.Errorf("a report of %d bytes", len(b))
			}
		}
	}
	c.Cancel()
	if st, _, _ := r.do("GET", api+"invocation/a/cancellation", ""); st != 200 {
		t.Errorf("cancellation: %d", st)
	}
	r.do("POST", api+"invocation/a/response", "x")
	if st, _, _ := r.do("GET", api+"invocation/a/cancellation", ""); st != 204 {
		t.Errorf("cancellation of a finished event: %d", st)
	}
}

func TestInitError(t *testing.T) {
	r := start(t, Options{})
	if st, _, _ := r.do("POST", api+"init/error", `{"errorType":"E"}`); st != 202 || <-r.initErr != `{"errorType":"E"}` {
		t.Errorf("status %d", st)
	}
	r.take("a")
	if st, _, _ := r.do("POST", api+"init/error", `{}`); st != 403 {
		t.Errorf("after the first event: %d", st)
	}
}

func TestRestoreHook(t *testing.T) {
	r := start(t, Options{})
	status := make(chan int, 1)
	go func() { st, _, _ := r.do("GET", api+"restore/next", ""); status <- st }()
	if x := <-r.ready; !x.Restores {
		t.Error("ready without a restore hook")
	}
	if !r.s.Restored() || <-status != 200 {
		t.Error("the runtime was not told")
	}
	r.take("a")
	if b := <-r.restored; b != "" {
		t.Errorf("hooks ended with %q", b)
	}
}

func TestRestoreErrorAndNoRestore(t *testing.T) {
	r := start(t, Options{})
	go r.s.Submit(Event{ID: "a", Payload: []byte("{}")}, newSink())
	if st, _, _ := r.do("GET", api+"restore/next", ""); st != 200 {
		t.Errorf("an event without a restore left the runtime waiting: %d", st)
	}
	if st, _, _ := r.do("POST", api+"restore/error", `{"errorType":"H"}`); st != 202 || <-r.restored != `{"errorType":"H"}` {
		t.Errorf("restore/error: %d", st)
	}
}

func TestExtensions(t *testing.T) {
	settled := make(chan string, 9)
	r := start(t, Options{Info: Info{Function: "f", Version: "1", Handler: "h"}, OnSettled: func(name string) { settled <- name }})
	const ext = "/2020-01-01/extension/"
	if st, _, _ := r.do("GET", ext+"event/next", ""); st != 403 {
		t.Errorf("next without register: %d", st)
	}
	st, b, h := r.do("POST", ext+"register", `{"events":["INVOKE","SHUTDOWN"]}`, "Lambda-Extension-Name", "x")
	id := h.Get("Lambda-Extension-Identifier")
	if st != 200 || id == "" || !strings.Contains(b, `"functionName":"f"`) {
		t.Fatalf("register: %d %s", st, b)
	}
	r.take("a")
	if len(settled) != 0 {
		t.Error("settled before its first event was asked for")
	}
	if st, b, _ := r.do("GET", ext+"event/next", "", "Lambda-Extension-Identifier", id); st != 200 || !strings.Contains(b, `"requestId":"a"`) {
		t.Errorf("event: %d %s", st, b)
	}
	r.s.ShutDown("spindown", 1)
	if _, b, _ := r.do("GET", ext+"event/next", "", "Lambda-Extension-Identifier", id); !strings.Contains(b, `"SHUTDOWN"`) {
		t.Errorf("event: %s", b)
	}
	if n := len(settled); n != 1 || <-settled != "x" {
		t.Errorf("told %d times that it has settled", n)
	}
	_, _, h = r.do("POST", ext+"register", `{"events":[]}`, "Lambda-Extension-Name", "y")
	if st, _, _ := r.do("POST", ext+"init/error", `{}`, "Lambda-Extension-Identifier", h.Get("Lambda-Extension-Identifier")); st != 202 || <-settled != "y" {
		t.Errorf("an extension that cannot start: %d", st)
	}
	if st, _, _ := r.do("PUT", "/2022-07-01/telemetry", `{}`); st != 202 {
		t.Errorf("telemetry: %d", st)
	}
	if st, _, _ := r.do("DELETE", api+"invocation/next", ""); st != 404 {
		t.Errorf("a method that is not there: %d", st)
	}
}

// FuzzRuntimeAPI sends a function's bytes: whatever they are, the server answers or closes, and serves the next client.
func FuzzRuntimeAPI(f *testing.F) {
	for _, s := range []string{
		"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n",
		"POST /2018-06-01/runtime/invocation/a/response HTTP/1.1\r\nContent-Length: 2\r\n\r\nok",
		"POST /2018-06-01/runtime/invocation/a/error HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"POST /2018-06-01/runtime/invocation/a/progress HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
		"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Length: 4\r\n\r\nnope",
		"POST /2020-01-01/extension/register HTTP/1.1\r\nLambda-Extension-Name: x\r\nContent-Length: 13\r\n\r\n{\"events\":[]}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		near, far := net.Pipe()
		s := New(Options{OnReady: func(Ready) {}, OnInitError: func([]byte) {}, OnRestored: func([]byte) {}})
		ln := &one{c: make(chan net.Conn, 1), closed: make(chan struct{})}
		ln.c <- far
		done := make(chan error, 1)
		go func() { done <- s.Serve(ln) }()
		s.Submit(Event{ID: "a", Payload: []byte("{}")}, newSink())
		go func() { near.Write(in); near.SetReadDeadline(time.Now().Add(5 * time.Millisecond)) }()
		near.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if resp, err := http.ReadResponse(bufio.NewReader(near), nil); err == nil {
			if resp.StatusCode < 100 || resp.StatusCode > 505 {
				t.Errorf("status %d", resp.StatusCode)
			}
		} else if errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("half a reply: %v", err)
		}
		near.Close()
		s.Close()
		<-done
	})
}

// one is a listener of one connection.
type one struct {
	c      chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *one) Accept() (net.Conn, error) {
	select {
	case c := <-l.c:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *one) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *one) Addr() net.Addr { return &net.TCPAddr{} }

// TestErrorsThatGrowAreCut: what is not JSON becomes the message of an error that is, no longer than errors may be.
func TestErrorsThatGrowAreCut(t *testing.T) {
	for _, unit := range []string{"\x01", "\xff", "<", `"`, "\u2028", "é"} {
		b := unhandled(strings.Repeat(unit, maxErrorBody/len(unit)))
		var e struct{ ErrorType, ErrorMessage string }
		if err := json.Unmarshal(b, &e); err != nil || len(b) > maxErrorBody || e.ErrorType != "Unhandled" || unit != "\xff" && !strings.HasPrefix(e.ErrorMessage, unit) {
			t.Errorf("%q: %d bytes, type %q, %v", unit, len(b), e.ErrorType, err)
		}
	}
	if got := string(unhandled("a <b>")); got != `{"errorMessage":"a <b>","errorType":"Unhandled"}` {
		t.Error(got)
	}
}

// TestAReportIsRefusedInWords: what encoding/json calls Go struct fields are those of the report.
func TestAReportIsRefusedInWords(t *testing.T) {
	for b, want := range map[string]string{
		`{"phase":5}`: "phase is of type number", `{"preview":{}}`: "preview is of type object", `{"message":[]}`: "message is of type array", `{"seconds":"1"}`: "seconds is of type string",
	} {
		if _, err := report([]byte(b)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", b, err)
		}
	}
}
