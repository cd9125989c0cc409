// Package duo serves a model with one of two engines: ONNX Runtime, which is always there, and TensorRT, whose plans have to be
// built and compared first. A clip is made by one engine from beginning to end; between two clips the model may change over.
package duo

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/videosdgx/videosdgx/functions/handler"
)

// Maker opens the model with an engine.
type Maker func(ctx context.Context) (handler.Model, error)

// Rehearse runs f with the sure engine's model while nobody wants a clip. f is ended when somebody does, and begun again after.
type Rehearse func(ctx context.Context, f func(context.Context, handler.Model) error) error

// Sides are the two engines.
type Sides struct {
	// Sure is the engine that always answers, and its name.
	Sure     handler.Model
	SureName string
	// Reopen opens Sure again, where it was closed to give its memory to the other.
	Reopen Maker
	// Prepare makes the other engine ready and opens the model with it. It may take long, and ends when ctx does. An error says
	// in one sentence why the other engine does not serve.
	Prepare func(ctx context.Context, rehearse Rehearse) (handler.Model, Choice, error)
	Log     *slog.Logger
}

// Choice is an engine's name, and why it makes clips.
type Choice struct{ Name, Why string }

// Declined is the choice of the sure engine, named name, for an error that says why the other does not serve. An error with a word
// for where there is no room (Brief) has it beside the name: "ONNX Runtime 1.31.1, plans are 9.0x slower".
func Declined(name string, err error) Choice {
	var b interface {
		error
		Brief() string
	}
	if errors.As(err, &b) {
		name += ", " + b.Brief()
	}
	return Choice{name, err.Error()}
}

// Model is a handler.Model that changes its engine. Its methods may be called from several goroutines.
type Model struct {
	s    Sides
	d    handler.Description
	turn chan struct{} // holds the one place for a clip

	mu        sync.Mutex
	fast      handler.Model // nil: Sure answers
	name, why string
	yield     context.CancelCauseFunc // of a rehearsal under way
	asked     int                     // clips that want their turn

	stop context.CancelFunc
	done chan struct{}
}

var _ handler.Model = (*Model)(nil)

// New serves with Sure, and has the other engine prepared meanwhile.
func New(s Sides) *Model {
	ctx, stop := context.WithCancel(context.Background())
	m := &Model{s: s, d: s.Sure.Describe(), turn: make(chan struct{}, 1), name: s.SureName, why: "TensorRT is being prepared", stop: stop, done: make(chan struct{})}
	m.d.Embed = m.embedder()
	go m.prepare(ctx)
	return m
}

// Ready serves with an engine that was prepared before.
func Ready(s Sides, model handler.Model, c Choice) *Model {
	m := &Model{s: s, d: model.Describe(), turn: make(chan struct{}, 1), fast: model, name: c.Name, why: c.Why, stop: func() {}, done: make(chan struct{})}
	m.d.Embed = m.embedder()
	close(m.done)
	return m
}

func (m *Model) prepare(ctx context.Context) {
	defer close(m.done)
	model, chosen, err := m.s.Prepare(ctx, m.rehearse)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			c := Declined(m.s.SureName, err)
			m.name, m.why = c.Name, c.Why
			m.s.Log.Warn("TensorRT does not serve", "reason", err.Error())
		}
		return
	}
	m.fast, m.name, m.why = model, chosen.Name, chosen.Why
	m.s.Log.Info("TensorRT serves from now on", "engine", chosen.Name, "reason", chosen.Why)
}

// Prepared is closed when preparing has ended, one way or the other.
func (m *Model) Prepared() <-chan struct{} { return m.done }

// errYield ends a rehearsal when somebody wants a clip.
var errYield = errors.New("somebody wants a clip")

// rehearse is Rehearse.
func (m *Model) rehearse(ctx context.Context, f func(context.Context, handler.Model) error) error {
	for {
		select {
		case m.turn <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		mine, yield := context.WithCancelCause(ctx)
		m.mu.Lock()
		m.yield = yield
		if m.asked > 0 {
			yield(errYield)
		}
		m.mu.Unlock()
		err := context.Cause(mine)
		if err == nil {
			err = f(mine, m.s.Sure)
		}
		m.mu.Lock()
		m.yield = nil
		m.mu.Unlock()
		yielded := errors.Is(context.Cause(mine), errYield) // whatever f made of it: not everything tells why it was ended
		yield(nil)
		<-m.turn
		if err == nil || !yielded {
			return err
		}
	}
}

// take waits for the turn of a clip.
func (m *Model) take(ctx context.Context) error {
	m.mu.Lock()
	m.asked++
	if m.yield != nil {
		m.yield(errYield)
	}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.asked--
		m.mu.Unlock()
	}()
	select {
	case m.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Engine is the name of the engine that makes the next clip, and why it is that one.
func (m *Model) Engine() (name, why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.name, m.why
}

// Describe is the model's, whichever engine is open.
func (m *Model) Describe() handler.Description { return m.d }

// Close ends preparing and closes what is open.
func (m *Model) Close() error {
	m.stop()
	<-m.done
	m.mu.Lock()
	defer m.mu.Unlock()
	err := errors.Join(handler.Close(m.fast), handler.Close(m.s.Sure))
	m.fast, m.s.Sure = nil, nil
	return err
}
