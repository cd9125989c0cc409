package url

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/answer"
	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
)

// eventStream is the media type of server-sent events.
const eventStream = "text/event-stream"

// events invokes and sends how an instance comes up, where that takes long, as events "starting", and what the function says of
// itself as it runs: events "progress", comments to keep the connection
// alive, then one event "result" or "error". A function that answers with an event stream of its own is passed on as it is,
// unless it has reported progress before.
func (c call) events(inv spec.Invocation) error {
	s := &events{w: c.w, stall: c.Stall, gone: c.cancel}
	inv.OnProgress = func(p spec.Progress) { s.send("progress", p) }
	inv.OnStart = s.starting(time.Now())
	stop := s.keepAlive(c.KeepAlive)
	defer stop()
	res, err := c.Invoker.Invoke(c.r.Context(), inv)
	if err != nil {
		return s.fail(gateway.Explain(err), err)
	}
	head, body, err := answer.Open(res)
	if err != nil {
		res.Body.Close()
		err = badAnswer(err)
		return s.fail(gateway.Explain(err), err)
	}
	if streamsEvents(head) && s.yield() {
		stop()
		return c.passEvents(s, res, head, body)
	}
	s.phases(res.Phases)
	b := c.Spool.Buffer()
	defer b.Close()
	a, err := c.collect(res, head, body, b)
	switch {
	case err != nil:
		return s.fail(gateway.Explain(err), err)
	case a.failed != nil:
		return s.failed(a)
	}
	stop() // a comment must not come between the parts of an event
	return s.result(a)
}

// passEvents passes the function's own events on, after comments that may have been sent.
func (c call) passEvents(s *events, res *spec.Result, head urlevent.Head, body io.Reader) error {
	if !s.begun {
		return c.stream(res, head, body)
	}
	ahead := gateway.RunAhead(c.Spool, res, body, false)
	defer ahead.Wait()
	defer ahead.Close()
	defer c.cancel()
	return c.pour(res, ahead)
}

func streamsEvents(head urlevent.Head) bool {
	for k, v := range head.Headers {
		if head.StatusCode == http.StatusOK && strings.EqualFold(k, "Content-Type") && strings.HasPrefix(v, eventStream) {
			return true
		}
	}
	return false
}

// events writes server-sent events; the head goes out with the first. Safe for concurrent use.
type events struct {
	mu     sync.Mutex
	w      http.ResponseWriter
	stall  time.Duration // how long an event may lie unread
	gone   func()        // called when the client has gone, or does not read
	begun  bool
	told   bool // an event is out, not comments alone
	closed bool // nothing may be written any more
}

// yield leaves the response to a function that writes events itself, while none of ours is out: none will be any more.
func (s *events) yield() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = !s.told
	return s.closed
}

// claim takes the response back while no event has been sent: none will be any more.
func (s *events) claim() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = !s.begun
	return s.closed
}

// phases puts Server-Timing into the head, if that is still to come.
func (s *events) phases(p spec.Phases) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		gateway.SetPhases(s.w, p, 0)
	}
}

// longStart is after how long a client hears how an instance comes up: what is quicker keeps the status of its own that it may
// have to fail with.
const longStart = 2 * time.Second

// starting writes events "starting". A function's own events may still follow them.
func (s *events) starting(since time.Time) func(spec.StartStep) {
	return func(step spec.StartStep) {
		b, err := json.Marshal(step)
		if err == nil && time.Since(since) >= longStart {
			s.write("event: starting\ndata: "+string(b)+"\n\n", false)
		}
	}
}

// send writes one event whose data is v as JSON. A write that fails means the client has gone: nothing more is written.
func (s *events) send(name string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		return
	}
	s.write("event: "+name+"\ndata: "+string(b)+"\n\n", true)
}

func (s *events) write(text string, event bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.told = s.told || event
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", eventStream)
		s.w.Header().Set("Cache-Control", "no-cache")
		s.w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
		s.w.WriteHeader(http.StatusOK)
	}
	if gateway.Send(s.w, strings.NewReader(text), s.stall, true) != nil {
		s.closed = true
		s.gone()
	}
}

// keepAlive writes a comment every so often until stop, which waits for it and may be called twice.
func (s *events) keepAlive(every time.Duration) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				s.write(": keep-alive\n\n", false)
			case <-quit:
				return
			}
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() { close(quit) })
		<-done
	}
}

// eventError is the data of an event "error".
type eventError struct {
	Status       int     `json:"status"`
	ErrorType    string  `json:"errorType"`
	ErrorMessage string  `json:"errorMessage"`
	RetryAfter   float64 `json:"retryAfterSeconds,omitempty"`
}

// fail ends the stream with an error; before the first event it is an ordinary HTTP error instead.
func (s *events) fail(p gateway.Problem, err error) error {
	if s.claim() {
		return err
	}
	s.send("error", eventError{p.Status, p.Type, p.Message, p.RetryAfter.Seconds()})
	return nil
}

// failed tells of a function that failed by itself.
func (s *events) failed(a reply) error {
	text, kind := a.failed.Message()
	if s.claim() {
		return &gateway.Typed{Status: a.status, Type: kind, Err: errors.New(text)}
	}
	s.send("error", eventError{Status: a.status, ErrorType: kind, ErrorMessage: text})
	return nil
}

// result writes the event "result": status, headers and cookies, and the body, as text or in base64. The body may be long
// and is never held.
func (s *events) result(a reply) error {
	text, err := isText(a)
	if err != nil {
		return s.fail(gateway.Explain(err), err)
	}
	head, err := json.Marshal(struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Cookies []string          `json:"cookies,omitempty"`
	}{a.status, joined(a.header), a.header["Set-Cookie"]})
	if err != nil {
		return err
	}
	s.write("event: result\ndata: "+string(head[:len(head)-1]), true)
	name, coder := `,"base64":"`, base64Coder
	if text {
		name, coder = `,"body":"`, textCoder
	}
	s.write(name, true)
	w := coder(s)
	if _, err := io.Copy(w, a.body.Open()); err != nil {
		return http.ErrAbortHandler // the event has begun: its end would be a lie
	}
	w.Close()
	s.write("\"}\n\n", true)
	return nil
}

// isText says whether a reply's body goes into JSON as it is.
func isText(a reply) (bool, error) {
	if n, err := a.body.Size(); err != nil || n == 0 {
		return true, err
	}
	if !isTextType(a.header.Get("Content-Type")) {
		return false, nil
	}
	v := &utf8Check{}
	_, err := io.Copy(v, a.body.Open())
	return v.valid(), err
}

func joined(h http.Header) map[string]string {
	m := make(map[string]string, len(h))
	for k, v := range h {
		if k != "Set-Cookie" {
			m[strings.ToLower(k)] = strings.Join(v, ",")
		}
	}
	return m
}
