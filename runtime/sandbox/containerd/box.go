package containerd

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/pidfd"
)

// box is one instance. Its process is held by pidfd, so that signals and its end need neither containerd nor the shim.
type box struct {
	d       *Driver
	id      string
	dir     string
	cgroup  string
	labels  map[string]string
	bridged bool // has an interface besides the loopback

	exited chan struct{} // closed by end, once

	mu      sync.Mutex
	proc    *pidfd.Process // nil until there is one
	started bool
	ended   bool
	exit    instance.Exit
}

var _ instance.Box = (*box)(nil)

// newBox registers a box; one of that id that is there already is returned instead.
func (d *Driver) newBox(id, dir string, bridged bool, labels map[string]string) *box {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b := d.boxes[id]; b != nil {
		return b
	}
	b := &box{d: d, id: id, dir: dir, bridged: bridged, cgroup: d.cgroup(id), labels: maps.Clone(labels), exited: make(chan struct{})}
	d.boxes[id] = b
	return b
}

func (b *box) ID() string                { return b.id }
func (b *box) Labels() map[string]string { return maps.Clone(b.labels) }
func (b *box) Exited() <-chan struct{}   { return b.exited }

// Exit is valid once Exited is closed.
func (b *box) Exit() instance.Exit {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.exit
}

// Start lets init run.
func (b *box) Start(ctx context.Context) error {
	resp, err := b.d.client.TaskService().Start(b.d.in(ctx), &tasks.StartRequest{ContainerID: b.id})
	if err != nil {
		return fmt.Errorf("instance %s does not start: %w", b.id, errgrpc.ToNative(err))
	}
	b.mu.Lock()
	b.started = true
	known := b.proc != nil
	b.mu.Unlock()
	if !known { // a restored one has its process from now on
		b.attach(resp.Pid)
	}
	return nil
}

// attach takes hold of the instance's first process. One that has gone already ends the box at once.
func (b *box) attach(pid uint32) {
	p, err := pidfd.Open(int(pid))
	if err != nil {
		b.end(context.Background())
		return
	}
	b.mu.Lock()
	b.proc = p
	b.mu.Unlock()
	b.d.wg.Go(func() { b.watch(p) })
}

func (b *box) isRunning() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.started && !b.ended
}

// hold is the process, or nil where there is none to signal.
func (b *box) hold() *pidfd.Process {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return nil
	}
	return b.proc
}

// release lets go of the process without ending it.
func (b *box) release() {
	if p := b.hold(); p != nil {
		p.Release()
	}
}

// gone is the class of an operation on a box that has ended.
func (b *box) gone() error {
	return fmt.Errorf("instance %s has ended: %w", b.id, errdefs.ErrFailedPrecondition)
}
