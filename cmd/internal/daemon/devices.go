package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter/cuda"
)

// deviceMemory is CUDA's part in a snapshot, for the sandbox.
type deviceMemory struct {
	phases cuda.Phases
	held   func() map[int]placement.Demand // what processes hold on GPUs, by NVML
}

var _ containerd.DeviceMemory = deviceMemory{}

// openDevices looks for GPUs whose memory can be part of a snapshot; nil without, and the log says why where there are GPUs.
func (p *plane) openDevices(ctx context.Context) containerd.DeviceMemory {
	if p.cfg.Snapshots == "off" {
		return nil
	}
	p.gpu = cuda.Probe(ctx, cuda.Source{})
	if p.gpu.Err != nil {
		if p.gpu.Driver != "" {
			p.log.Warn("device memory is not part of snapshots", "reason", p.gpu.Err)
		}
		return nil
	}
	if tool, ok := cuda.FindTool(); ok && len(p.gpu.Missing) > 0 {
		return deviceMemory{tool, p.machine.Held}
	}
	l, err := cuda.Open(p.gpu.Library)
	if err != nil {
		p.log.Warn("device memory is not part of snapshots", "reason", err)
		return nil
	}
	return deviceMemory{l, p.machine.Held}
}

// Holds implements containerd.DeviceMemory.
func (d deviceMemory) Holds(pids []int) (sum spec.Bytes) {
	held := d.held()
	for _, pid := range pids {
		for _, n := range held[pid] {
			sum += n
		}
	}
	return sum
}

// Freeze implements containerd.DeviceMemory. A process that is locked is in somebody else's hands, and one whose last checkpoint
// failed has no device memory to save: both are FailedPrecondition, and none is touched.
func (d deviceMemory) Freeze(ctx context.Context, pids []int) error {
	in, err := d.states(ctx, pids)
	if err != nil {
		return err
	}
	for _, bad := range []cuda.State{cuda.Locked, cuda.Failed} {
		if len(in[bad]) > 0 {
			return fmt.Errorf("process %d is %s: its instance is started anew: %w", in[bad][0], bad, errdefs.ErrFailedPrecondition)
		}
	}
	if len(in[cuda.Running]) == 0 {
		return nil
	}
	_, err = cuda.Freeze(ctx, d.phases, in[cuda.Running])
	return err
}

// Thaw implements containerd.DeviceMemory. Processes that an earlier Thaw has left locked are let go on.
func (d deviceMemory) Thaw(ctx context.Context, pids []int) error {
	in, err := d.states(ctx, pids)
	if err != nil {
		return err
	}
	if bad := in[cuda.Failed]; len(bad) > 0 {
		return fmt.Errorf("process %d cannot get its device memory back: %w", bad[0], errdefs.ErrFailedPrecondition)
	}
	if len(in[cuda.Checkpointed]) > 0 {
		if _, err := cuda.Thaw(ctx, d.phases, in[cuda.Checkpointed]); err != nil {
			return err
		}
	}
	var failed []error
	for _, pid := range in[cuda.Locked] {
		failed = append(failed, d.phases.Unlock(ctx, pid))
	}
	return errors.Join(failed...)
}

// states are the processes that use CUDA, by what they are doing.
func (d deviceMemory) states(ctx context.Context, pids []int) (map[cuda.State][]int, error) {
	holders, err := cuda.Holders(ctx, d.phases, pids)
	if err != nil {
		return nil, err
	}
	in := map[cuda.State][]int{}
	for _, pid := range holders {
		s, err := d.phases.State(ctx, pid)
		if err != nil {
			return nil, err
		}
		in[s] = append(in[s], pid)
	}
	return in, nil
}
