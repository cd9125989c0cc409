package cuda

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/containerd/errdefs"
)

// DefaultLibrary is what Open loads for "".
const DefaultLibrary = "libcuda.so.1"

// LockTimeout bounds Lock where the context has no deadline; undoTimeout bounds bringing back what a failed step left.
const (
	LockTimeout = 10 * time.Second
	undoTimeout = 2 * time.Minute
)

// Timing is how long each phase took, over all processes; zero phases did not happen.
type Timing struct{ Lock, Checkpoint, Restore, Unlock time.Duration }

// lockTimeout is what is left until ctx's deadline, at least 1 ms: 0 would wait for ever.
func lockTimeout(ctx context.Context) time.Duration {
	if d, ok := ctx.Deadline(); ok {
		return max(time.Until(d), time.Millisecond)
	}
	return LockTimeout
}

// Holders are those of pids that use CUDA, in their order.
func Holders(ctx context.Context, p Phases, pids []int) ([]int, error) {
	var holders []int
	for _, pid := range pids {
		_, err := p.State(ctx, pid)
		switch {
		case err == nil:
			holders = append(holders, pid)
		case !errdefs.IsNotFound(err) && !errdefs.IsInvalidArgument(err):
			return nil, err
		}
	}
	return holders, nil
}

// Freeze locks every process before it checkpoints the first, so that none waits for another one's device work. On error
// those that can are brought back, in reverse order, and the error tells of the ones that could not.
func Freeze(ctx context.Context, p Phases, pids []int) (t Timing, err error) {
	var undo []func(context.Context) error
	defer func() { err = rollback(ctx, undo, err) }()
	for _, pid := range pids {
		if err := timed(&t.Lock, func() error { return p.Lock(ctx, pid) }); err != nil {
			return t, err
		}
		undo = append(undo, func(ctx context.Context) error { return p.Unlock(ctx, pid) })
	}
	for _, pid := range pids {
		if err := timed(&t.Checkpoint, func() error { return p.Checkpoint(ctx, pid) }); err != nil {
			return t, err
		}
		undo = append(undo, func(ctx context.Context) error { return p.Restore(ctx, pid) })
	}
	return t, nil
}

// Thaw restores every process and then lets them go on. A process that cannot be restored leaves the others that were
// restored locked and checkpoints them again, so that Thaw can be called another time.
func Thaw(ctx context.Context, p Phases, pids []int) (t Timing, err error) {
	var undo []func(context.Context) error
	defer func() { err = rollback(ctx, undo, err) }()
	for _, pid := range pids {
		if err := timed(&t.Restore, func() error { return p.Restore(ctx, pid) }); err != nil {
			return t, err
		}
		undo = append(undo, func(ctx context.Context) error { return p.Checkpoint(ctx, pid) })
	}
	undo = nil // an unlocked process has gone on: there is no way back
	var failed []error
	for _, pid := range pids {
		failed = append(failed, timed(&t.Unlock, func() error { return p.Unlock(ctx, pid) }))
	}
	return t, errors.Join(failed...)
}

// rollback runs undo backwards when err is not nil, even if ctx is over.
func rollback(ctx context.Context, undo []func(context.Context) error, err error) error {
	if err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	for _, step := range slices.Backward(undo) {
		err = errors.Join(err, step(ctx))
	}
	return err
}

func timed(d *time.Duration, step func() error) error {
	start := time.Now()
	defer func() { *d += time.Since(start) }()
	return step()
}
