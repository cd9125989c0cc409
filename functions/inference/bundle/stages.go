package bundle

import (
	"fmt"
	"slices"
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/footprint"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Stages counts what the graphs of an open bundle take for clips, as a plan counts it before there is a bundle: the weights are
// those of the bundle, the activations those of the graphs at the clip's sizes. On the CPU it is what the instance takes of memory of
// its own: see host.
type Stages struct {
	host    *host // nil: a device
	graphs  []Graph
	sizes   func(c ClipSize) map[string]map[string]int64
	weights func(graph string) (int64, error)

	*counted
}

// counted are graphs that were built to be counted.
type counted struct {
	mu    sync.Mutex
	known map[string]stage
}

type stage struct {
	model   *onnx.Model
	weights int64
}

// Stages are those of the model's graphs, whose named dimensions have for a clip the sizes that the family's recipe gives.
func (m *Model) Stages(graphs []Graph, sizes func(c ClipSize) map[string]map[string]int64) *Stages {
	s := &Stages{graphs: graphs, sizes: sizes, weights: m.DeviceBytes, counted: &counted{known: map[string]stage{}}}
	if m.Options.Device.Host() {
		s.host, s.weights = &host{m.Beside}, func(string) (int64, error) { return 0, nil }
	}
	return s
}

// At are the same graphs' at other sizes.
func (s *Stages) At(sizes func(c ClipSize) map[string]map[string]int64) *Stages {
	other := *s
	other.sizes = sizes
	return &other
}

// Of are the stages of a clip, but for graphs that wanted leaves out. What one graph leaves for the next one it has to have run for:
// such graphs are asked for together.
func (s *Stages) Of(c ClipSize, wanted func(graph string) bool) ([]Stage, error) {
	all, err := s.graphsOf(c, wanted)
	for i := range all {
		all[i].Activations += s.Beside(c)
	}
	return all, err
}

// Beside is what the instance takes for a clip on the CPU whatever stage runs; on a device nothing.
func (s *Stages) Beside(c ClipSize) int64 {
	if s.host == nil {
		return 0
	}
	return s.host.aside(c)
}

// Leaves is what stages may take of an instance's memory for a request that holds so much of it itself: of a device, all; 0 where no
// limit is known. held is in bytes, and 0 of a device. Nothing is held of graphs that no bundle was opened for, whose Stages are nil.
func (s *Stages) Leaves(memory, request int64) (left, held int64) {
	if s == nil || s.host == nil || memory <= 0 {
		return memory, 0
	}
	return max(memory-request, 1), request
}

// Left is what of the memory the activations of a graph may take for a clip, of which it gives so many bytes of results.
func (s *Stages) Left(memory int64, graph string, c ClipSize, results int64) (int64, error) {
	if s.host != nil {
		return max(s.host.left(memory-s.host.aside(c), results), 1), nil
	}
	weights, err := s.weightsOf(graph)
	return max(memory-weights, 1), err
}

func (s *Stages) graphsOf(c ClipSize, wanted func(graph string) bool) ([]Stage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Stage
	sizes, states := s.sizes(c), map[string][]int64{}
	for _, g := range s.graphs {
		if !wanted(g.Name) {
			continue
		}
		k, err := s.graph(g)
		if err != nil {
			return nil, fmt.Errorf("graph %s: %w", g.Name, err)
		}
		count := footprint.Of
		if s.host != nil {
			count = footprint.OnCPU
		}
		st, results, err := stageOf(g, k.model, sizes[g.Name], states, count)
		if err != nil {
			return nil, fmt.Errorf("graph %s: %w", g.Name, err)
		}
		if st.Weights = k.weights; s.host != nil {
			st.Activations = s.host.takes(st.Activations, results)
		}
		all = append(all, st)
	}
	return all, nil
}

// Tiled replaces, in the stages of a clip, what the named graphs take for its pictures by what they take for a tile of them, and by
// the clip, which tiles are put together to, twice.
func (s *Stages) Tiled(all []Stage, c, tile ClipSize, graphs ...string) error {
	tiles, err := s.graphsOf(tile, func(graph string) bool { return slices.Contains(graphs, graph) })
	if err != nil {
		return err
	}
	for i := range all {
		for _, t := range tiles {
			if all[i].Graph == t.Graph {
				all[i].Activations = s.Beside(c) + t.Activations + 2*4*3*int64(c.Frames)*int64(c.Width)*int64(c.Height)
			}
		}
	}
	return nil
}

func (s *Stages) weightsOf(graph string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.known[graph]; ok {
		return k.weights, nil
	}
	return s.weights(graph)
}

func (s *Stages) graph(g Graph) (stage, error) {
	if k, ok := s.known[g.Name]; ok {
		return k, nil
	}
	net, err := g.Build(nn.Options{})
	if err != nil {
		return stage{}, err
	}
	k := stage{}
	if k.model, err = net.Model(); err != nil {
		return k, err
	}
	if k.weights, err = s.weights(g.Name); err != nil {
		return k, err
	}
	s.known[g.Name] = k
	return k, nil
}
