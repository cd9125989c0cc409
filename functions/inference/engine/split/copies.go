package split

import (
	"context"
	"errors"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// copies are sessions of the same graph, one on each device; a run takes one that is free.
type copies struct {
	all  []engine.Session
	free chan engine.Session
}

var _ engine.Session = (*copies)(nil)

// Width is how many runs go on side by side.
func (c *copies) Width() int { return len(c.all) }

// Run waits for a device.
func (c *copies) Run(ctx context.Context, inputs engine.Values, resident ...string) (engine.Values, error) {
	select {
	case s := <-c.free:
		defer func() { c.free <- s }()
		return s.Run(ctx, inputs, resident...)
	case <-ctx.Done():
		_, spent := inputs.Unspent()
		engine.Values(spent).Close()
		return nil, context.Cause(ctx)
	}
}

// Inputs are the graph's.
func (c *copies) Inputs() []engine.Info { return c.all[0].Inputs() }

// Outputs are the graph's.
func (c *copies) Outputs() []engine.Info { return c.all[0].Outputs() }

// Close closes all of them.
func (c *copies) Close() error {
	var errs []error
	for _, s := range c.all {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
