package bundle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// opening is a session that is being opened.
type opening struct {
	done    chan struct{} // closed when session and err are set
	session engine.Session
	err     error
}

func (o *opening) failed() bool {
	select {
	case <-o.done:
		return o.err != nil
	default:
		return false
	}
}

// Sessions opens the graphs of a bundle one after the other, in the order in which a clip needs them, while whoever asked
// goes on: an instance answers before its last graph is open, and a clip waits for each only when it comes to it.
//
// A graph that could not be opened is tried again when somebody needs it: a device whose memory was taken may have room by then, and a file
// that was missing may be there. The instance need not be thrown away for it.
type Sessions struct {
	mu     sync.Mutex
	byName map[string]*opening
	closed bool
	order  []string
	open   func(name string, o *opening)
	stop   context.CancelCauseFunc
	under  sync.WaitGroup // openings under way
	turns  *turns         // of stages that do not fit on the device together; nil: all are opened
}

// OpenInTurn opens graphs stage by stage as they are needed, for a device that does not hold all of them: see turns.
func OpenInTurn(names []string, open func(ctx context.Context, name string) (engine.Session, error)) *Sessions {
	return &Sessions{order: names, turns: newTurns(stageOfGraph, open)}
}

// OpenApart opens one graph at a time, as it is needed, of those that do not fit on a device beside each other.
func OpenApart(names []string, open func(ctx context.Context, name string) (engine.Session, error)) *Sessions {
	return &Sessions{order: names, turns: newTurns(func(graph string) string { return graph }, open)}
}

// InTurn says whether the stages take turns on the device.
func (s *Sessions) InTurn() bool { return s.turns != nil }

var errClosed = errors.New("the model is closed")

// OpenAll starts to open the named graphs. Their context ends with Close, not with the caller's.
func OpenAll(ctx context.Context, names []string, open func(ctx context.Context, name string) (engine.Session, error)) *Sessions {
	ctx, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	s := &Sessions{byName: map[string]*opening{}, order: names, stop: stop}
	s.open = func(name string, o *opening) {
		defer close(o.done)
		o.session, o.err = open(ctx, name)
	}
	all := make([]*opening, len(names))
	for i, name := range names {
		all[i] = &opening{done: make(chan struct{})}
		s.byName[name] = all[i]
	}
	s.under.Go(func() {
		for i, name := range names {
			s.open(name, all[i])
		}
	})
	return s
}

// opening is how far a graph is, which begins again where it had failed; nil: there is no such graph.
func (s *Sessions) opening(name string) *opening {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.byName[name]
	if o == nil || s.closed || !o.failed() {
		return o
	}
	again := &opening{done: make(chan struct{})}
	s.byName[name] = again
	s.under.Go(func() { s.open(name, again) })
	return again
}

// Get waits until a graph is open. A graph that cannot be opened is told here, to whoever needs it.
func (s *Sessions) Get(ctx context.Context, name string) (engine.Session, error) {
	if s.turns != nil {
		if !slices.Contains(s.order, name) {
			return nil, fmt.Errorf("the model has no graph %s", name)
		}
		return s.turns.get(ctx, name)
	}
	o := s.opening(name)
	if o == nil {
		return nil, fmt.Errorf("the model has no graph %s", name)
	}
	select {
	case <-o.done:
		return o.session, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Run waits for a graph and runs it.
func (s *Sessions) Run(ctx context.Context, name string, in engine.Values, resident ...string) (engine.Values, error) {
	session, err := s.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return session.Run(ctx, in, resident...)
}

// Close ends the opening and closes what is open; runs under way end first. It may be called twice.
func (s *Sessions) Close() error {
	if s.turns != nil {
		return s.turns.close()
	}
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop(errClosed)
	s.under.Wait()
	var errs []error
	for _, name := range s.order {
		if o := s.byName[name]; o.session != nil {
			errs = append(errs, o.session.Close())
		}
	}
	return errors.Join(errs...)
}
