package rapi

import (
	"slices"
	"strconv"

	"github.com/videosdgx/videosdgx/runtime/rapi/http1"
)

// next is GET /runtime/invocation/next: the function's long poll for an event.
func (s *Server) next(w *http1.Reply, _ *http1.Request) {
	w.OnGone(func() { s.unpoll(w) })
	s.settleUnanswered()
	if s.opt.OnPoll != nil {
		s.opt.OnPoll()
	}
	s.mu.Lock()
	first, hook := !s.ready, s.hook
	s.ready, s.hook = true, false
	s.polls = append(s.polls, w)
	s.mu.Unlock()
	if first {
		s.begin(Ready{})
	}
	if hook {
		s.opt.OnRestored(nil)
	}
	s.match()
}

// begin tells that the function is ready; from then on events are given.
func (s *Server) begin(r Ready) {
	s.opt.OnReady(r)
	s.mu.Lock()
	s.open = true
	s.mu.Unlock()
}

func (s *Server) unpoll(w *http1.Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polls = slices.DeleteFunc(s.polls, func(p *http1.Reply) bool { return p == w })
}

// settleUnanswered ends events that a function of one event at a time has left without an answer: by asking for the next
// one it says that it is done with the last.
func (s *Server) settleUnanswered() {
	if s.opt.EventsAtOnce > 1 {
		return
	}
	s.mu.Lock()
	left := make([]*Call, 0, 1)
	for _, c := range s.calls {
		left = append(left, c)
	}
	s.mu.Unlock()
	for _, c := range left {
		if wanted, ok := c.answer(); ok {
			if wanted {
				c.sink.Broken("the function asked for the next event without having answered this one")
			}
			c.finish()
		}
	}
}

// sendEvent writes an event as the answer to a poll.
func sendEvent(w *http1.Reply, e *Event) error {
	h := http1.Header{
		{Name: "Lambda-Runtime-Aws-Request-Id", Value: e.ID},
		{Name: "Lambda-Runtime-Deadline-Ms", Value: strconv.FormatInt(e.DeadlineMs, 10)},
		{Name: "Lambda-Runtime-Invoked-Function-Arn", Value: e.ARN},
		{Name: "Lambda-Runtime-Trace-Id", Value: e.TraceID},
		{Name: "Lambda-Runtime-Client-Context", Value: e.ClientContext},
		{Name: "Lambda-Runtime-Cognito-Identity", Value: e.Identity},
		{Name: "Content-Type", Value: "application/json"},
	}
	return w.Send(200, h, e.Payload)
}
