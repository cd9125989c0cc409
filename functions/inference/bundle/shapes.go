package bundle

import (
	"fmt"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/footprint"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Shapes say which shapes a bundle's graphs meet: those of clips between two.
type Shapes struct {
	Graphs      []string // in the order in which a clip needs them
	Least, Most ClipSize
	// Sizes are the sizes of the graphs' named dimensions for a clip, by graph.
	Sizes func(c ClipSize) map[string]map[string]int64
	// Check says in one sentence what of a clip the model cannot make, and what would do.
	Check func(c ClipSize) error
}

// Inputs are the shapes of every input of every graph for a clip, by graph. The graphs are read as they were built for an
// engine; nothing runs. What one graph leaves for the next ("x.next") has the shape in which it comes.
func (s Shapes) Inputs(b *weights.Bundle, engine string, c ClipSize) (map[string]map[string][]int64, error) {
	all, states := map[string]map[string][]int64{}, map[string][]int64{}
	for _, g := range s.Graphs {
		path, err := b.Path(GraphFile(g, engine))
		if err != nil {
			return nil, err
		}
		m, err := onnx.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if all[g], err = inputs(m, s.Sizes(c)[g], states); err != nil {
			return nil, fmt.Errorf("shapes of graph %s: %w", g, err)
		}
	}
	return all, nil
}

// inputs are a graph's, and what it leaves goes into states.
func inputs(m *onnx.Model, dims map[string]int64, states map[string][]int64) (map[string][]int64, error) {
	out, given := map[string][]int64{}, map[string][]int64{}
	for _, in := range m.Graph.Inputs {
		if s := states[in.Name]; s != nil {
			out[in.Name], given[in.Name] = s, s
			continue
		}
		for _, d := range in.Dims {
			size := d.Size
			if d.Name != "" {
				size = dims[d.Name]
			}
			if size < 1 {
				return nil, fmt.Errorf("dimension %s of its input %s is not known", d, in.Name)
			}
			out[in.Name] = append(out[in.Name], size)
		}
	}
	peak, err := footprint.Of(m, dims, given)
	if err != nil {
		return nil, err
	}
	for name, shape := range peak.Out {
		if state, ok := strings.CutSuffix(name, nextState); ok {
			states[state] = shape
		}
	}
	return out, nil
}
