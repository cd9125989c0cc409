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
	head, err := client.Prepare(ctx, i.box.Dial)
	if err == nil {
		err = i.unique(head.Repeats)
	}
	if err == nil {
		err = c.Checkpoint(ctx, dir, exit)
	}
	if err != nil || !exit {
		_ = i.step(spec.Idle) // or it has ended meanwhile
	}
	return err
}

// RepeatsError says that instances of a snapshot would draw the same random numbers as each other.
type RepeatsError struct{ Function, What string }

func (e *RepeatsError) Error() string {
	return fmt.Sprintf("every instance of a snapshot of %s would draw the same random numbers: %s keeps generators that nobody can renew from outside; "+
		"write snapshot: always if that does no harm, or give it restore hooks", e.Function, e.What)
}

// Unwrap gives the class.
func (e *RepeatsError) Unwrap() error { return errdefs.ErrFailedPrecondition }

// unique refuses a snapshot whose instances would not be, unless the manifest asks for it in any case, or the function has
// hooks that run after a restore.
func (i *Instance) unique(repeats string) error {
	fn := &i.cfg.Function
	if repeats == "" || fn.Snapshot == "always" || i.Hooked() {
		return nil
	}
	return &RepeatsError{fn.Name, repeats}
}

// DeviceRoomError says that a snapshot cannot be made: what the instance holds on GPUs goes into its own memory for that, and its limit
// is too low.
type DeviceRoomError struct {
	ID                   string     // of the instance
	Device, Taken, Limit spec.Bytes // what it holds on GPUs, what of its own memory is taken, limits.memory
}

func (e *DeviceRoomError) Error() string {
	return fmt.Sprintf("instance %s holds %s on its GPUs, which a snapshot puts into its own memory: limits.memory is %s, of which %s are taken; "+
		"write at least %s, or snapshot: off", e.ID, e.Device, e.Limit, e.Taken, roundUp(e.Device+e.Taken))
}

// Unwrap gives the class.
func (e *DeviceRoomError) Unwrap() error { return errdefs.ErrFailedPrecondition }

// roundUp gives whole GiB.
func roundUp(n spec.Bytes) spec.Bytes {
	const gib = 1 << 30
	return (n + gib - 1) / gib * gib
}
