package record

import (
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// Capture is one run of a graph: what it was fed and what it gave, in host memory.
type Capture struct{ Inputs, Outputs engine.Values }

// Keep has the first n runs of every graph that is opened from now on captured. They take as much host memory as they are large.
func (e *Engine) Keep(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.keep = n
}

// Captures are the runs of a graph that were kept, in their order.
func (e *Engine) Captures(graph string) []Capture {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.captured[graph])
}

// wants says whether one more run of a graph is to be captured.
func (e *Engine) wants(graph string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.captured[graph]) < e.keep
}

func (e *Engine) capture(graph string, c Capture) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.captured[graph]) < e.keep {
		e.captured[graph] = append(e.captured[graph], c)
	}
}

// copies are values in host memory of their own: a run may be fed with memory that the caller uses again.
func copies(values engine.Values) (engine.Values, error) {
	out := engine.Values{}
	for name, v := range values {
		t, err := v.Host()
		if err != nil {
			return nil, err
		}
		own, err := engine.Make(t.Type(), slices.Clone(t.Shape)...)
		if err != nil {
			return nil, err
		}
		if n := copy(own.Bytes(), t.Bytes()); n != len(own.Bytes()) {
			return nil, errdefs.ErrInvalidArgument
		}
		out[name] = own
	}
	return out, nil
}
