package bundle

import (
	"fmt"
	"slices"
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Stages counts what the graphs of an open bundle take for clips, as a plan counts it before there is a bundle: the weights are
// those of the bundle, the activations those of the graphs at the clip's sizes.
type Stages struct {
	graphs  []Graph
	sizes   func(c ClipSize) map[string]map[string]int64
	weights func(graph string) (int64, error)

	mu    sync.Mutex
	known map[string]stage
}

type stage struct {
	model   *onnx.Model
	weights int64
}

// Stages are those of the model's graphs, whose named dimensions have for a clip the sizes that the family's recipe gives.
func (m *Model) Stages(graphs []Graph, sizes func(c ClipSize) map[string]map[string]int64) *Stages {
	return &Stages{graphs: graphs, sizes: sizes, weights: m.deviceBytes, known: map[string]stage{}}
}

// Of are the stages of a clip, but for graphs that wanted leaves out. What one graph leaves for the next one it has to have run for:
// such graphs are asked for together.
func (s *Stages) Of(c ClipSize, wanted func(graph string) bool) ([]Stage, error) {
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
		st, err := stageOf(g, k.model, sizes[g.Name], states)
		if err != nil {
			return nil, fmt.Errorf("graph %s: %w", g.Name, err)
		}
		st.Weights = k.weights
		all = append(all, st)
	}
	return all, nil
}

// Tiled replaces, in the stages of a clip, what the named graphs take for its pictures by what they take for a tile of them, and by
// the clip, which tiles are put together to, twice.
func (s *Stages) Tiled(all []Stage, c, tile ClipSize, graphs ...string) error {
	tiles, err := s.Of(tile, func(graph string) bool { return slices.Contains(graphs, graph) })
	if err != nil {
		return err
	}
	for i := range all {
		for _, t := range tiles {
			if all[i].Graph == t.Graph {
				all[i].Activations = t.Activations + 2*4*3*int64(c.Frames)*int64(c.Width)*int64(c.Height)
			}
		}
	}
	return nil
}

// Weights are the bytes of a graph's weights in the bundle.
func (s *Stages) Weights(graph string) (int64, error) {
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
