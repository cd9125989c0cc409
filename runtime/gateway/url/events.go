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
)

// eventStream is the media type of server-sent events.
const eventStream = "text/event-stream"

// serveEvents invokes and sends what the function says of itself as it runs: events "progress", comments to keep the
// connection alive, then one event "result" or "error". A function that answers with an event stream of its own is passed
// on as it is, unless it has reported progress before.
func (h *Handler) serveEvents(w http.ResponseWriter, r *http.Request, inv spec.Invocation) error {
	s := &events{w: w}
	inv.OnProgress = func(p spec.Progress) { s.send("progress", p) }
	stop := s.keepAlive(h.KeepAlive)
	defer stop()
	res, err := h.Invoker.Invoke(r.Context(), inv)
	if err != nil {
		return s.fail(gateway.Explain(err), err)
	}
	defer res.Body.Close()
	head, body, err := open(res)
	if err == nil && streamsEvents(head) && s.yield() {
		stop()
		if !s.begun {
			begin(w, res, head)
		}
		return h.pour(w, res, body)
	}
	s.phases(res.Phases)
	var a answer
	if err == nil {
		a, err = h.collect(res, head, body)
	}
	switch {
	case err != nil:
		return s.fail(gateway.Explain(err), err)
	case a.header.Get("X-Amzn-Errortype") == "FunctionError":
		return s.failed(a)
	}
	s.send("result", resultOf(a))
	return nil
}

func streamsEvents(head answer) bool {
	return head.status == http.StatusOK && strings.HasPrefix(head.header.Get("Content-Type"), eventStream)
}

// events writes server-sent events; the head goes out with the first. Safe for concurrent use.
type events struct {
	mu     sync.Mutex
	w      http.ResponseWriter
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

// send writes one event whose data is v as JSON. A write that fails means the client has gone, which ends the
// invocation through its context.
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
	io.WriteString(s.w, text)
	http.NewResponseController(s.w).Flush()
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
func (s *events) failed(a answer) error {
	e := eventError{Status: a.status}
	if json.Unmarshal(a.body, &e) != nil || e.ErrorMessage == "" {
		e.ErrorMessage = string(a.body)
	}
	e.Status = a.status
	if s.claim() {
		return &gateway.Typed{Status: a.status, Type: e.ErrorType, Err: errors.New(e.ErrorMessage)}
	}
	s.send("error", e)
	return nil
}

// result is the data of an event "result": body when it is text, base64 when it is not.
type result struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Cookies []string          `json:"cookies,omitempty"`
	Body    *string           `json:"body,omitempty"`
	Base64  []byte            `json:"base64,omitempty"`
}

func resultOf(a answer) result {
	r := result{Status: a.status, Headers: map[string]string{}, Cookies: a.header["Set-Cookie"]}
	for k, v := range a.header {
		if k != "Set-Cookie" {
			r.Headers[strings.ToLower(k)] = strings.Join(v, ",")
		}
	}
	if isBinary(a.header.Get("Content-Type"), a.body) {
		r.Base64 = a.body
	} else {
		s := string(a.body)
		r.Body = &s
	}
	return r
}
