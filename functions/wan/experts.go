package wan

import (
	"context"
	"errors"
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// experts holds the transformers of a model of two where both do not fit the device: one is open at a time, and a clip, which
// walks from noise to less of it, swaps them once. Where both fit they are sessions like all others, and this holds nothing.
type experts struct {
	names []string // of the graphs that take turns
	open  func(ctx context.Context, graph string) (engine.Session, error)

	mu      sync.Mutex
	graph   string
	session engine.Session
	swaps   int
}

// room is the share of a device's memory that the weights of both experts may take: the rest is for a stage's activations.
const room = 0.75

func newExperts(m *bundle.Model, c configs) (*experts, error) {
	e := &experts{open: m.OpenGraph}
	if c.Second == nil || m.Memory <= 0 {
		return e, nil
	}
	total := int64(0)
	for _, name := range []string{graphTransformer, graphSecond} {
		n, err := m.GraphBytes(name)
		if err != nil {
			return nil, err
		}
		total += n
	}
	if float64(total) > room*float64(m.Memory) {
		e.names = []string{graphTransformer, graphSecond}
	}
	return e, nil
}

// own says whether a graph is one of those that take turns.
func (e *experts) own(graph string) bool {
	for _, n := range e.names {
		if n == graph {
			return true
		}
	}
	return false
}

// get opens a graph after the other has been closed, unless it is the one that is open.
func (e *experts) get(ctx context.Context, graph string) (engine.Session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.graph == graph {
		return e.session, nil
	}
	if err := e.closeLocked(); err != nil {
		return nil, err
	}
	s, err := e.open(ctx, graph)
	if err != nil {
		return nil, err
	}
	e.graph, e.session = graph, s
	e.swaps++
	return s, nil
}

func (e *experts) closeLocked() (err error) {
	if e.session != nil {
		err = e.session.Close()
	}
	e.graph, e.session = "", nil
	return err
}

// Close closes the one that is open; a run under way ends first.
func (e *experts) Close() error {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return errors.Join(e.closeLocked())
}

// transformer gives a transformer by its graph's name, whoever holds it.
func (p *Pipeline) transformer(graph string) func(ctx context.Context) (engine.Session, error) {
	return func(ctx context.Context) (engine.Session, error) {
		if p.experts != nil && p.experts.own(graph) {
			return p.experts.get(ctx, graph)
		}
		return p.sessions.Get(ctx, graph)
	}
}
