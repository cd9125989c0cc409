// Package record watches an engine at work and remembers which shapes each graph was fed: what a plan of TensorRT has to be
// built for, and nothing that a person could write down for a VAE with two dozen states. It also keeps whole runs, to compare
// with, and how long runs took.
package record

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// Range is the least and the greatest shape that an input had; ranks never differ.
type Range struct{ Least, Most []int64 }

// Engine is another engine whose sessions' inputs are noted. Its methods may be called from several goroutines.
type Engine struct {
	engine.Engine
	mu       sync.Mutex
	seen     map[string]map[string]Range
	keep     int // how many runs of each graph are captured
	captured map[string][]Capture
	clock    clock
}

var _ engine.Engine = (*Engine)(nil)

// New watches e.
func New(e engine.Engine) *Engine {
	return &Engine{Engine: e, seen: map[string]map[string]Range{}, captured: map[string][]Capture{}}
}

// Open opens a graph and watches its session.
func (e *Engine) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	s, err := e.Engine.Open(ctx, path, o)
	if err != nil {
		return nil, err
	}
	return &session{Session: s, e: e, graph: Graph(path)}, nil
}

// Graph is a graph's name without folder, engine and ending: "transformer" of "…/transformer.cpu.onnx".
func Graph(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return name
}

// Shapes are the inputs' shapes of a graph, by name; nothing when it was never run.
func (e *Engine) Shapes(graph string) map[string]Range {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.seen[graph])
}

func (e *Engine) note(graph string, in engine.Values) {
	e.mu.Lock()
	defer e.mu.Unlock()
	shapes := e.seen[graph]
	if shapes == nil {
		shapes = map[string]Range{}
		e.seen[graph] = shapes
	}
	for name, v := range in {
		shapes[name] = shapes[name].with(v.Dims())
	}
}

// with is the range that holds a shape too.
func (r Range) with(dims []int64) Range {
	if r.Least == nil {
		return Range{Least: append([]int64{}, dims...), Most: append([]int64{}, dims...)}
	}
	r = Range{Least: slices.Clone(r.Least), Most: slices.Clone(r.Most)}
	for i, d := range dims[:min(len(dims), len(r.Least))] {
		r.Least[i], r.Most[i] = min(r.Least[i], d), max(r.Most[i], d)
	}
	return r
}

type session struct {
	engine.Session
	e     *Engine
	graph string
}

func (s *session) Run(ctx context.Context, in engine.Values, resident ...string) (engine.Values, error) {
	plain, _ := in.Unspent()
	s.e.note(s.graph, plain)
	if !s.e.wants(s.graph) {
		return s.timed(ctx, in, resident)
	}
	c := Capture{}
	var err error
	if c.Inputs, err = copies(plain); err != nil {
		return nil, err
	}
	out, err := s.timed(ctx, in, resident)
	if err != nil {
		return nil, err
	}
	if c.Outputs, err = copies(out); err != nil {
		out.Close()
		return nil, err
	}
	s.e.capture(s.graph, c)
	return out, nil
}

// timed runs the graph and notes how long that took.
func (s *session) timed(ctx context.Context, in engine.Values, resident []string) (engine.Values, error) {
	plain, _ := in.Unspent()
	began := time.Now()
	out, err := s.Session.Run(ctx, in, resident...)
	if err == nil {
		s.e.took(s.graph, plain, resident, time.Since(began))
	}
	return out, err
}
