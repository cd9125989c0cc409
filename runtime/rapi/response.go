package rapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/rapi/http1"
)

const (
	modeHeader      = "Lambda-Runtime-Function-Response-Mode"
	errorType       = "Lambda-Runtime-Function-Error-Type"
	errorBody       = "Lambda-Runtime-Function-Error-Body"
	integrationType = "application/vnd.awslambda.http-integration-response"
)

// hold is how long an answer of unknown length may stand still before what is there of it is passed on. aws-lambda-go
// sends every answer chunked, its end a moment after its only chunk; waiting that moment keeps a small answer in one
// piece.
const hold = 2 * time.Millisecond

const pieceSize = 256 << 10 // bytes passed on at a time: a frame

var pieces = sync.Pool{New: func() any { b := make([]byte, pieceSize); return &b }}

// response is POST /runtime/invocation/{id}/response: the answer, in one piece or streamed, with its error in trailers.
func (s *Server) response(w *http1.Reply, r *http1.Request, c *Call) {
	wanted, mine := c.answer()
	if !mine {
		r.Body.Drain(1 << 30)
		fail(w, 400, "InvalidStateTransition", "this event has been answered already")
		return
	}
	defer c.finish()
	if !wanted {
		r.Body.Drain(1 << 40)
		ok(w)
		return
	}
	if n := r.Body.Length; s.opt.MaxResponse > 0 && n > s.opt.MaxResponse {
		s.tooLarge(c, false)
		fail(w, 413, "RequestEntityTooLarge", s.tooLargeText())
		return
	}
	content := r.Header.Get("Content-Type")
	f := &forwarding{server: s, call: c, body: r.Body, head: Head{
		ContentType: content,
		Streaming:   r.Header.Get(modeHeader) == "streaming" || content == integrationType || r.Body.Length < 0 && !whole(content),
	}}
	f.eager = f.head.Streaming
	f.run(w)
}

// whole says that an answer of unknown length is one all the same, of which nothing is known before its end: aws-lambda-go
// sends JSON like that, and curl calls what it sends a form. How fast it arrives must not decide: a function may be short
// of CPU, or frozen for a moment.
func whole(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "", "application/json", "application/x-www-form-urlencoded":
		return true
	}
	return false
}

// forwarding passes one body on to its sink.
type forwarding struct {
	server  *Server
	call    *Call
	body    *http1.Body
	head    Head
	eager   bool // what has arrived goes on at once
	begun   bool
	deaf    bool // nobody listens any more; the rest is read and dropped
	written int64
}

func (f *forwarding) run(w *http1.Reply) {
	p := pieces.Get().(*[]byte)
	defer pieces.Put(p)
	n, err := f.fill(*p)
	for err == nil {
		if f.pass((*p)[:n]); f.over() {
			f.server.tooLarge(f.call, true)
			f.body.Drain(1 << 30)
			fail(w, 413, "RequestEntityTooLarge", f.server.tooLargeText())
			return
		}
		n, err = f.fill(*p)
	}
	if !errors.Is(err, io.EOF) {
		f.call.sink.Broken("the function broke off its answer: " + err.Error())
		return
	}
	f.last((*p)[:n])
	ok(w)
}

// fill reads until the piece is full, the body ends, or what is there should be passed on.
func (f *forwarding) fill(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		if n > 0 && f.body.Length < 0 && !f.body.Wait(f.patience()) {
			f.eager = true
			return n, nil
		}
		var m int
		m, err = f.body.Read(p[n:])
		n += m
	}
	return n, err
}

func (f *forwarding) patience() time.Duration {
	if f.eager {
		return 20 * time.Microsecond // as good as none
	}
	return hold
}

func (f *forwarding) begin() {
	if !f.begun {
		f.begun = true
		f.deaf = f.call.sink.Head(f.head) != nil
	}
}

func (f *forwarding) pass(p []byte) {
	f.begin()
	f.written += int64(len(p))
	if !f.deaf {
		f.deaf = f.call.sink.Data(p) != nil || f.call.sink.Flush() != nil
	}
}

func (f *forwarding) over() bool {
	return f.server.opt.MaxResponse > 0 && f.written > f.server.opt.MaxResponse
}

// last passes the end on. The error of a streamed answer is in its trailers; when all of it is here, also in its head.
func (f *forwarding) last(p []byte) {
	o := trailerOutcome(f.body.Trailer)
	if !f.begun {
		f.head.FunctionError = o.FunctionError
	}
	f.begin()
	if len(p) > 0 {
		f.call.sink.Data(p)
	}
	f.call.finish() // first: the next event may come as soon as this one's end is known
	f.call.sink.End(o)
}

func trailerOutcome(t http1.Header) Outcome {
	kind := t.Get(errorType)
	if kind == "" {
		return Outcome{}
	}
	o := Outcome{FunctionError: "Unhandled", ErrorType: kind}
	if b, err := base64.StdEncoding.DecodeString(t.Get(errorBody)); err == nil {
		o.ErrorBody = validJSON(b)
	}
	return o
}

func (s *Server) tooLargeText() string {
	return fmt.Sprintf("an answer may have %d bytes", s.opt.MaxResponse)
}

// tooLarge ends a call whose answer exceeds the limit, with Lambda's error type.
func (s *Server) tooLarge(c *Call, begun bool) {
	const kind = "Function.ResponseSizeTooLarge"
	body := []byte(`{"errorMessage":"Response payload size exceeded maximum allowed payload size (` +
		fmt.Sprint(s.opt.MaxResponse) + ` bytes).","errorType":"` + kind + `"}`)
	if !begun {
		c.sink.Head(Head{ContentType: "application/json", FunctionError: "Unhandled"})
		c.sink.Data(body)
	}
	c.finish()
	c.sink.End(Outcome{FunctionError: "Unhandled", ErrorType: kind, ErrorBody: body})
}
