package containerd

import (
	"context"
	"fmt"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/cgroup"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// DeviceMemory moves what processes hold on a GPU into their own memory, where CRIU finds it, and back. Processes that hold
// nothing there are left alone. pids are of this machine.
type DeviceMemory interface {
	Freeze(ctx context.Context, pids []int) error
	Thaw(ctx context.Context, pids []int) error
	// Holds is what the processes hold on GPUs now, as far as the driver tells.
	Holds(pids []int) spec.Bytes
}

// freezeDevices empties the devices; thaw brings everything back.
func (b *box) freezeDevices(ctx context.Context) (thaw func() error, err error) {
	if b.d.o.Devices == nil {
		return func() error { return nil }, nil
	}
	pids, err := b.pids()
	if err != nil {
		return nil, err
	}
	if err := b.roomForDevices(pids); err != nil {
		return nil, err
	}
	if err := b.d.o.Devices.Freeze(ctx, pids); err != nil {
		return nil, fmt.Errorf("device memory of instance %s cannot be saved: %w", b.id, err)
	}
	return func() error {
		undo, cancel := b.d.undo(ctx)
		defer cancel()
		return b.thawDevices(undo)
	}, nil
}

// roomForDevices refuses what would end with the instance killed for memory.
func (b *box) roomForDevices(pids []int) error {
	limit, limited := cgroup.MemoryLimit(b.cgroup)
	used, ok := cgroup.Usage(b.cgroup)
	if !limited || !ok {
		return nil
	}
	if holds := b.d.o.Devices.Holds(pids); holds > limit-used.Anon {
		return &instance.DeviceRoomError{ID: b.id, Device: holds, Taken: used.Anon, Limit: limit}
	}
	return nil
}

func (b *box) thawDevices(ctx context.Context) error {
	if b.d.o.Devices == nil {
		return nil
	}
	pids, err := b.pids()
	if err != nil {
		return err
	}
	if err := b.d.o.Devices.Thaw(ctx, pids); err != nil {
		return fmt.Errorf("device memory of instance %s cannot be brought back: %w", b.id, err)
	}
	return nil
}

// pids are the instance's processes, init among them.
func (b *box) pids() ([]int, error) { return cgroup.Processes(b.cgroup) }
