package containerd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/cgroup"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/place"
)

// endGroup ends what is still in an instance's cgroup when its task has gone: what a CRIU leaves that was killed in the
// middle of a restore, half-made processes and its own helpers.
func (d *Driver) endGroup(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		pids, err := cgroup.Processes(d.cgroup(id))
		if errors.Is(err, os.ErrNotExist) || err == nil && len(pids) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL) // one that has gone meanwhile
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("processes %v of instance %s do not end: %w", pids, id, context.Cause(ctx))
		}
	}
}

// dropCheckpointWork removes CRIU's work folder. A CRIU that was killed leaves the machine's cgroups mounted in it, which
// must go first: removing folders of those would remove cgroups.
func (d *Driver) dropCheckpointWork(id string) error {
	dir := d.workDir(id)
	mounts, err := place.Below(dir)
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(mounts) {
		if err := unix.Unmount(m, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return &os.PathError{Op: "unmount", Path: m, Err: err}
		}
	}
	return os.RemoveAll(dir)
}
