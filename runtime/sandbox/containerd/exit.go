package containerd

import (
	"context"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/cgroup"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/pidfd"
)

// killed is the code of an instance whose end nobody saw: its shim died with it.
const killed = 128 + 9

// watch waits for the process, which is PID 1 of its namespace: the kernel lets it go only after all others.
func (b *box) watch(p *pidfd.Process) {
	p.Wait()
	if p.HasGone() {
		b.end(context.Background())
	}
}

// end notes how the instance ended and closes Exited.
func (b *box) end(ctx context.Context) {
	b.mu.Lock()
	if b.ended {
		b.mu.Unlock()
		return
	}
	b.ended = true
	b.mu.Unlock()
	oom := cgroup.OOMKilled(b.cgroup)
	code, at := b.status(ctx)
	b.mu.Lock()
	b.exit = instance.Exit{Code: code, OOMKilled: oom, At: at}
	b.mu.Unlock()
	close(b.exited)
}

// status asks the shim for the code, through a containerd that may be starting again.
func (b *box) status(ctx context.Context) (int, time.Time) {
	ctx, cancel := context.WithTimeout(b.d.in(ctx), 5*time.Second)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		resp, err := b.d.client.TaskService().Wait(ctx, &tasks.WaitRequest{ContainerID: b.id})
		if err == nil {
			return int(resp.ExitStatus), exitTime(resp.ExitedAt)
		}
		if !errdefs.IsUnavailable(errgrpc.ToNative(err)) {
			return killed, time.Now()
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return killed, time.Now()
		}
	}
}

func exitTime(t *timestamppb.Timestamp) time.Time {
	if t == nil || t.AsTime().Unix() <= 0 {
		return time.Now()
	}
	return t.AsTime()
}
