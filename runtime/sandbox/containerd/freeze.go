package containerd

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/cgroup"
)

var _ instance.Freezer = (*box)(nil)

// Freeze stops the instance's processes in place. It writes to the cgroup itself, a hundred times faster than running
// the OCI runtime for it, so that an instance may be frozen between two events.
func (b *box) Freeze(ctx context.Context) error { return b.freezer(ctx, true) }

// Thaw lets them go on.
func (b *box) Thaw(ctx context.Context) error { return b.freezer(ctx, false) }

func (b *box) freezer(ctx context.Context, frozen bool) error {
	if !b.isRunning() {
		return fmt.Errorf("instance %s is not running: %w", b.id, errdefs.ErrFailedPrecondition)
	}
	return cgroup.SetFrozen(ctx, b.cgroup, frozen)
}
