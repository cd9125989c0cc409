package containerd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// DeviceMemory moves what processes hold on a GPU into their own memory, where CRIU finds it, and back. Processes that hold
// nothing there are left alone. pids are of this machine.
type DeviceMemory interface {
	Freeze(ctx context.Context, pids []int) error
	Thaw(ctx context.Context, pids []int) error
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
	if err := b.d.o.Devices.Freeze(ctx, pids); err != nil {
		return nil, fmt.Errorf("device memory of instance %s cannot be saved: %w", b.id, err)
	}
	return func() error {
		undo, cancel := b.d.undo(ctx)
		defer cancel()
		return b.thawDevices(undo)
	}, nil
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
func (b *box) pids() ([]int, error) { return processes(b.cgroup) }

// processes are those in an instance's cgroup.
func processes(cg string) ([]int, error) {
	text, err := os.ReadFile(filepath.Join(group(cg, "pids"), "cgroup.procs"))
	if err != nil {
		return nil, fmt.Errorf("processes of cgroup %s: %w", cg, err)
	}
	var pids []int
	for _, line := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			return nil, fmt.Errorf("processes of cgroup %s: %w", cg, err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
