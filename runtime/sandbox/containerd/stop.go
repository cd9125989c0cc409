package containerd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/cgroup"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/network"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/pidfd"
)

// Stop ends the processes. A staged instance has none that could be asked, so it is killed at once.
func (b *box) Stop(ctx context.Context, grace time.Duration) error {
	p := b.hold()
	if p == nil {
		return nil
	}
	if b.isRunning() && grace > 0 {
		_ = cgroup.SetFrozen(ctx, b.cgroup, false) // a frozen process hears no signal
		if err := p.Kill(unix.SIGTERM); err != nil {
			return fmt.Errorf("instance %s: %w", b.id, err)
		}
		if b.awaitExit(ctx, grace) == nil {
			return nil
		}
	}
	return b.kill(ctx, p)
}

func (b *box) kill(ctx context.Context, p *pidfd.Process) error {
	if err := p.Kill(unix.SIGKILL); err != nil {
		return fmt.Errorf("instance %s: %w", b.id, err)
	}
	_ = cgroup.SetFrozen(ctx, b.cgroup, false)
	return b.awaitExit(ctx, 30*time.Second)
}

func (b *box) awaitExit(ctx context.Context, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-b.exited:
		return nil
	case <-timer.C:
		return fmt.Errorf("instance %s does not end: %w", b.id, context.DeadlineExceeded)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Remove leaves nothing of the instance but its folder and its log, which are the caller's.
func (b *box) Remove(ctx context.Context) error {
	ctx = b.d.in(ctx)
	if p := b.hold(); p != nil {
		if err := b.kill(ctx, p); err != nil {
			return err
		}
	}
	err := b.d.removeAll(ctx, b.id)
	if err != nil {
		return fmt.Errorf("instance %s is not removed: %w", b.id, err)
	}
	b.endAsRemoved()
	b.d.mu.Lock()
	delete(b.d.boxes, b.id)
	b.d.mu.Unlock()
	return nil
}

// endAsRemoved closes Exited of a box that never had a process.
func (b *box) endAsRemoved() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.ended = true
		b.exit.Code, b.exit.At = killed, time.Now()
		close(b.exited)
	}
}

// removeAll removes every trace that has an instance's name; what is not there is no error.
func (d *Driver) removeAll(ctx context.Context, id string) error {
	return errors.Join(
		d.deleteTask(ctx, id),
		ignoreMissing(d.client.ContainerService().Delete(ctx, id)),
		d.endGroup(ctx, id),
		cgroup.Drop(d.cgroup(id)),
		network.Unplug(d.owner, id),
		d.unreach(id),
		d.disclose(id),
		d.dropCheckpointWork(id),
	)
}

// deleteTask kills what runs and has the shim go. A shim or a containerd that has just died makes it fail for a moment,
// until containerd has noticed, or is back.
func (d *Driver) deleteTask(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait = min(wait*2, 500*time.Millisecond) {
		err := d.deleteTaskOnce(ctx, id)
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// deleteTaskOnce kills first: the shim would wait ten seconds for the output of a staged container to end.
func (d *Driver) deleteTaskOnce(ctx context.Context, id string) error {
	service := d.client.TaskService()
	state, err := service.Get(ctx, &tasks.GetRequest{ContainerID: id})
	if err == nil && state.Process.Status != task.Status_STOPPED {
		if _, err := service.Kill(ctx, &tasks.KillRequest{ContainerID: id, Signal: uint32(unix.SIGKILL), All: true}); err == nil {
			_, _ = service.Wait(ctx, &tasks.WaitRequest{ContainerID: id})
		}
	}
	_, err = service.Delete(ctx, &tasks.DeleteTaskRequest{ContainerID: id})
	if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) { // also when containerd has forgotten it
		return d.endShims(ctx, id)
	}
	return err
}

func ignoreMissing(err error) error {
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}
