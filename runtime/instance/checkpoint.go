package instance

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Checkpoint writes an idle instance's processes into dir, for Restore. With exit they end by that, else they go on. Init is
// told before, so that it can note what every restore would else have to find out. NotImplemented where the driver has no
// checkpoints.
func (i *Instance) Checkpoint(ctx context.Context, dir string, exit bool) error {
	c, ok := i.box.(Checkpointer)
	if !ok {
		return fmt.Errorf("this driver makes no snapshots: %w", errdefs.ErrNotImplemented)
	}
	if err := i.step(checkpointing); err != nil {
		return err
	}
	err := client.Prepare(ctx, i.box.Dial)
	if err == nil {
		err = c.Checkpoint(ctx, dir, exit)
	}
	if err != nil || !exit {
		_ = i.step(spec.Idle) // or it has ended meanwhile
	}
	return err
}
