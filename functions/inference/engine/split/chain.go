package split

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// stage is one part of a graph on its device. Runs go through it one at a time, in the order in which they come.
type stage struct {
	engine.Session
	part part
	busy chan struct{}
}

// chain is a graph in parts.
type chain struct {
	stages          []stage
	inputs, outputs []engine.Info
}

var _ engine.Session = (*chain)(nil)

// Width is how many runs go on side by side: each is in another part.
func (c *chain) Width() int { return len(c.stages) }

// describe notes what the whole graph takes and gives, before it is cut.
func (c *chain) describe(m *onnx.Model) {
	if c.inputs == nil {
		c.inputs, c.outputs = engine.Infos(m.Graph.Inputs), engine.Infos(m.Graph.Outputs)
	}
}

// Run goes through the parts.
func (c *chain) Run(ctx context.Context, inputs engine.Values, resident ...string) (engine.Values, error) {
	inputs, spent := inputs.Unspent()
	defer engine.Values(spent).Close()
	if err := c.check(inputs, resident); err != nil {
		return nil, err
	}
	made, out := engine.Values{}, engine.Values{}
	defer func() { made.Close() }()
	for i := range c.stages {
		got, err := c.stages[i].run(ctx, []engine.Values{made, out, inputs}, resident)
		if err != nil {
			out.Close()
			return nil, fmt.Errorf("part %d of %d: %w", i+1, len(c.stages), err)
		}
		for name, v := range got {
			if c.gives(name) {
				out[name] = v
			} else {
				made[name] = v
			}
		}
		c.drop(made, i)
	}
	return out, nil
}

// run waits for the part's turn. It gives the part what it takes, from the first of the places that has it.
func (s *stage) run(ctx context.Context, places []engine.Values, resident []string) (engine.Values, error) {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	in, keep := engine.Values{}, []string(nil)
	for _, f := range s.Session.Inputs() {
		for _, place := range places {
			if v, ok := place[f.Name]; ok {
				in[f.Name] = v
				break
			}
		}
	}
	for _, f := range s.Session.Outputs() {
		if slices.Contains(s.part.gives, f.Name) || slices.Contains(resident, f.Name) {
			keep = append(keep, f.Name)
		}
	}
	return s.Session.Run(ctx, in, keep...)
}

// drop closes what no part behind the i-th takes.
func (c *chain) drop(made engine.Values, i int) {
	for name, v := range maps.Clone(made) {
		later := slices.ContainsFunc(c.stages[i+1:], func(s stage) bool { return slices.Contains(s.part.takes, name) })
		if !later {
			v.Close()
			delete(made, name)
		}
	}
}

func (c *chain) gives(name string) bool {
	return slices.ContainsFunc(c.outputs, func(f engine.Info) bool { return f.Name == name })
}

// check refuses what one session of the whole graph would.
func (c *chain) check(inputs engine.Values, resident []string) error {
	for _, f := range c.inputs {
		if inputs[f.Name] == nil {
			return fmt.Errorf("the graph needs the input %s: %w", f.Name, errdefs.ErrInvalidArgument)
		}
	}
	if len(inputs) > len(c.inputs) {
		return fmt.Errorf("the graph has %d inputs, %d were given: %w", len(c.inputs), len(inputs), errdefs.ErrInvalidArgument)
	}
	for _, name := range resident {
		if !c.gives(name) {
			return fmt.Errorf("the graph has no output %s to keep: %w", name, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}

// Inputs are the whole graph's.
func (c *chain) Inputs() []engine.Info { return c.inputs }

// Outputs are the whole graph's.
func (c *chain) Outputs() []engine.Info { return c.outputs }

// Close closes the parts.
func (c *chain) Close() error {
	var errs []error
	for _, s := range c.stages {
		errs = append(errs, s.Session.Close())
	}
	return errors.Join(errs...)
}
