package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
)

// Load starts an instance of a function's version or alias that none runs of, for events to come, and does not wait for it.
// It stays as long as an idle one does. NotFound for an unknown function, FailedPrecondition for one that may have none.
func (d *Dispatcher) Load(ctx context.Context, function, qualifier string) error {
	fn, err := d.cfg.Functions.Get(ctx, function, qualifier)
	if err != nil {
		return err
	}
	if fn.MaxInstances() == 0 {
		return fmt.Errorf("function %s may have no instance: its reserved concurrency is 0: %w", function, errdefs.ErrFailedPrecondition)
	}
	p, err := d.pool(ctx, fn)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired == nil && p.table.Instances() == 0 {
		(&launch{p: p, since: time.Now(), ahead: true}).start()
	}
	return nil
}
