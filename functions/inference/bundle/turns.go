package bundle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// stageOfGraph is the part of a clip's work that a graph belongs to, "text", "transformer" or "vae": graphs of one stage run in turns
// of each other and lie on a device together.
func stageOfGraph(name string) string {
	stage, _, _ := strings.Cut(name, "_")
	return stage
}

// together says whether graphs with so many bytes of weights may all lie on a device that gives a model memory: a quarter is left to
// what runs produce. No limit that is known, 0, lets them.
func together(weights, memory int64) bool { return memory <= 0 || weights <= memory/4*3 }

// turns has the stages of a model, or single graphs, on its device one after the other: a run whose stage is not there waits for the runs of the one that
// is, lets that go, and loads its own. Values stay: they outlive the sessions that made them.
type turns struct {
	open  func(ctx context.Context, name string) (engine.Session, error)
	stage func(graph string) string

	mu     sync.Mutex
	now    string // the stage that is there; "": none
	using  int    // runs of it under way
	idle   chan struct{}
	there  map[string]engine.Session
	closed bool
}

func newTurns(stage func(graph string) string, open func(ctx context.Context, name string) (engine.Session, error)) *turns {
	return &turns{open: open, stage: stage, idle: make(chan struct{}), there: map[string]engine.Session{}}
}

// take gives a graph's session, with its stage on the device until release.
func (t *turns) take(ctx context.Context, name string) (engine.Session, error) {
	for {
		s, wait, err := t.try(ctx, name)
		if wait == nil {
			return s, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// try is take, or what to wait for.
func (t *turns) try(ctx context.Context, name string) (s engine.Session, wait <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, nil, fmt.Errorf("graph %s: %w: %w", name, errClosed, errdefs.ErrFailedPrecondition)
	}
	if stage := t.stage(name); stage != t.now {
		if t.using > 0 {
			return nil, t.idle, nil
		}
		if err := t.leave(); err != nil {
			return nil, nil, fmt.Errorf("make room for graph %s: %w", name, err)
		}
		t.now = stage
	}
	if s = t.there[name]; s == nil {
		if s, err = t.open(ctx, name); err != nil {
			return nil, nil, err
		}
		t.there[name] = s
	}
	t.using++
	return s, nil, nil
}

func (t *turns) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.using--; t.using == 0 {
		close(t.idle)
		t.idle = make(chan struct{})
	}
}

// leave closes what is there; the caller holds mu.
func (t *turns) leave() error {
	var errs []error
	for name, s := range t.there {
		errs = append(errs, s.Close())
		delete(t.there, name)
	}
	t.now = ""
	return errors.Join(errs...)
}

// close waits for runs under way, as sessions do.
func (t *turns) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	return t.leave()
}

// get is a session that is loaded when it runs. It is loaded once now, which says what it takes and gives.
func (t *turns) get(ctx context.Context, name string) (engine.Session, error) {
	s, err := t.take(ctx, name)
	if err != nil {
		return nil, err
	}
	defer t.release()
	return &inTurn{t, name, s.Inputs(), s.Outputs()}, nil
}

// inTurn is a graph of a model whose stages take turns. It is closed with all of them.
type inTurn struct {
	*turns
	name    string
	in, out []engine.Info
}

var _ engine.Session = (*inTurn)(nil)

func (s *inTurn) Inputs() []engine.Info  { return s.in }
func (s *inTurn) Outputs() []engine.Info { return s.out }
func (s *inTurn) Close() error           { return nil }

func (s *inTurn) Run(ctx context.Context, inputs engine.Values, resident ...string) (engine.Values, error) {
	session, err := s.take(ctx, s.name)
	if err != nil {
		_, spent := inputs.Unspent()
		engine.Values(spent).Close()
		return nil, err
	}
	defer s.release()
	return session.Run(ctx, inputs, resident...)
}
