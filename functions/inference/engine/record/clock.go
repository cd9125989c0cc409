package record

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// Timed is how long the runs of a graph took that were fed the same shapes.
type Timed struct {
	Shapes   map[string][]int64 // of the inputs, by name
	Placed   []string           // inputs that lay on the device
	Resident []string           // outputs that stayed there
	Runs     int
	Best     time.Duration
}

// clock is how long runs took, by graph and shapes; nil times none.
type clock map[string][]*Timed

// Clock begins to time runs, and forgets those that were timed before.
func (e *Engine) Clock() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clock = clock{}
}

// Timed is how long the runs of a graph took since the call of Clock, in the order in which their shapes came first.
func (e *Engine) Timed(graph string) (all []Timed) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.clock[graph] {
		all = append(all, *t)
	}
	return all
}

// took notes a run that has succeeded.
func (e *Engine) took(graph string, in engine.Values, resident []string, d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.clock == nil {
		return
	}
	t := &Timed{Shapes: map[string][]int64{}, Resident: slices.Sorted(slices.Values(resident)), Best: d}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		t.Shapes[name] = slices.Clone(in[name].Dims())
		if !in[name].Device().Host() {
			t.Placed = append(t.Placed, name)
		}
	}
	if same := slices.IndexFunc(e.clock[graph], t.alike); same >= 0 {
		t = e.clock[graph][same]
	} else {
		e.clock[graph] = append(e.clock[graph], t)
	}
	t.Runs++
	t.Best = min(t.Best, d)
}

// alike says whether two runs were fed the same and left the same on the device.
func (t *Timed) alike(o *Timed) bool {
	key := func(t *Timed) string { return fmt.Sprint(t.Shapes, t.Placed, t.Resident) } // maps are printed in the order of their keys
	return key(t) == key(o)
}
