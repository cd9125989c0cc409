package bundle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// opening is a session that is being opened.
type opening struct {
	done    chan struct{} // closed when session and err are set
	session engine.Session
	err     error
}

// Sessions opens the graphs of a bundle one after the other, in the order in which a clip needs them, while whoever asked
// goes on: an instance answers before its last graph is open, and a clip waits for each only when it comes to it.
type Sessions struct {
	byName map[string]*opening
	order  []string
	stop   context.CancelCauseFunc
	ended  chan struct{}
	turns  *turns // of stages that do not fit on the device together; nil: all are opened
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
	s := &Sessions{byName: map[string]*opening{}, order: names, stop: stop, ended: make(chan struct{})}
	for _, name := range names {
		s.byName[name] = &opening{done: make(chan struct{})}
	}
	go func() {
		defer close(s.ended)
		for _, name := range names {
			o := s.byName[name]
			o.session, o.err = open(ctx, name)
			close(o.done)
		}
	}()
	return s
}

// Get waits until a graph is open. A graph that cannot be opened is told here, to whoever needs it.
func (s *Sessions) Get(ctx context.Context, name string) (engine.Session, error) {
	if s.turns != nil {
		if !slices.Contains(s.order, name) {
			return nil, fmt.Errorf("the model has no graph %s", name)
		}
		return s.turns.get(ctx, name)
	}
	o := s.byName[name]
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
	s.stop(errClosed)
	<-s.ended
	var errs []error
	for _, name := range s.order {
		if o := s.byName[name]; o.session != nil {
			errs = append(errs, o.session.Close())
		}
	}
	return errors.Join(errs...)
}
