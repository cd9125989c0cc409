package rapi

import (
	"errors"
	"net"
	"slices"
	"sync"

	"github.com/videosdgx/videosdgx/runtime/rapi/http1"
)

// ErrBusy refuses an event because the function holds as many as it may.
var ErrBusy = errors.New("the function holds as many events as it may")

// Options make a Server.
type Options struct {
	Info         Info
	EventsAtOnce int          // at least 1
	MaxResponse  int64        // bytes of an answer; 0: no limit
	OnReady      func(Ready)  // once, when the function first asks for an event or for the restore hook; no event is given before it returns
	OnPoll       func()       // whenever the function asks for an event; may be nil
	OnInitError  func([]byte) // the function has posted this to init/error
	OnRestored   func([]byte) // the restore hook has ended: nil, or what was posted to restore/error
	OnExtension  func(string) // an extension of this name has registered; may be nil
	OnSettled    func(string) // an extension of this name asks for its first event, or reports that it cannot start; may be nil
}

// Ready is how the function became ready.
type Ready struct{ Restores bool }

// Server is the Runtime API of one function.
type Server struct {
	opt  Options
	http *http1.Server
	exts extensions

	mu       sync.Mutex
	polls    []*http1.Reply // waiting /next, oldest first
	queue    []*Call        // events without a poll, oldest first
	calls    map[string]*Call
	ready    bool
	open     bool           // OnReady has returned
	restores []*http1.Reply // waiting /restore/next
	restored bool           // /restore/next is answered at once from now on
	hook     bool           // restore hooks run: their end is the next /next
}

// New makes a server; Serve starts it.
func New(opt Options) *Server {
	opt.EventsAtOnce = max(opt.EventsAtOnce, 1)
	s := &Server{opt: opt, calls: map[string]*Call{}}
	s.http = http1.NewServer(s.route)
	return s
}

// Serve answers on a listener until Close.
func (s *Server) Serve(ln net.Listener) error { return s.http.Serve(ln) }

// Close ends all connections and waits for them.
func (s *Server) Close() { s.http.Close() }

// Submit gives the function an event: at once if it waits for one, else as soon as it does. Events that arrive before the
// function is ready wait as well.
func (s *Server) Submit(e Event, sink Sink) (*Call, error) {
	c := &Call{event: e, sink: sink, server: s}
	s.mu.Lock()
	if len(s.calls) >= s.opt.EventsAtOnce || s.calls[e.ID] != nil {
		s.mu.Unlock()
		return nil, ErrBusy
	}
	s.calls[e.ID] = c
	s.queue = append(s.queue, c)
	s.releaseRestore()
	s.mu.Unlock()
	s.match()
	return c, nil
}

// match brings queued events and waiting polls together.
func (s *Server) match() {
	for {
		s.mu.Lock()
		if !s.open || len(s.queue) == 0 || len(s.polls) == 0 {
			s.mu.Unlock()
			return
		}
		c, w := s.queue[0], s.polls[0]
		s.queue, s.polls = slices.Delete(s.queue, 0, 1), slices.Delete(s.polls, 0, 1)
		s.mu.Unlock()
		s.deliver(c, w)
	}
}

// deliver sends an event to a poll; each of them goes back to its line when the other turns out to be gone.
func (s *Server) deliver(c *Call, w *http1.Reply) {
	if !c.hand() {
		s.mu.Lock()
		s.polls = slices.Insert(s.polls, 0, w)
		s.mu.Unlock()
		c.finish()
		return
	}
	s.exts.invoke(&c.event)
	if err := sendEvent(w, &c.event); err != nil {
		c.requeue()
		s.mu.Lock()
		s.queue = slices.Insert(s.queue, 0, c)
		s.mu.Unlock()
		return
	}
	if c.event.Free != nil {
		c.event.Free()
	}
}

func (s *Server) call(id string) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id]
}

func (s *Server) forget(c *Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[c.event.ID] == c {
		delete(s.calls, c.event.ID)
	}
}

// drop takes a queued call out.
func (s *Server) drop(c *Call) {
	s.mu.Lock()
	s.queue = slices.DeleteFunc(s.queue, func(q *Call) bool { return q == c })
	s.mu.Unlock()
	c.finish()
}
