package containerd

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/cgroup"
)

// Usage reads the instance's cgroup; that costs no round trip to containerd.
func (b *box) Usage(context.Context) (instance.Usage, error) {
	u, ok := cgroup.Usage(b.cgroup)
	if !ok {
		return instance.Usage{}, fmt.Errorf("instance %s has no cgroup any more: %w", b.id, errdefs.ErrNotFound)
	}
	return u, nil
}

// Processes are those of the instance.
func (b *box) Processes() ([]int, error) { return b.pids() }
