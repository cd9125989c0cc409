package daemon

import (
	"context"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd"
	"github.com/videosdgx/videosdgx/snapshotter/cuda"
)

// deviceMemory is CUDA's part in a snapshot, for the sandbox.
type deviceMemory struct{ phases cuda.Phases }

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
		return deviceMemory{tool}
	}
	l, err := cuda.Open(p.gpu.Library)
	if err != nil {
		p.log.Warn("device memory is not part of snapshots", "reason", err)
		return nil
	}
	return deviceMemory{l}
}

// Freeze implements containerd.DeviceMemory.
func (d deviceMemory) Freeze(ctx context.Context, pids []int) error {
	return d.each(ctx, pids, cuda.Running, cuda.Freeze)
}

// Thaw implements containerd.DeviceMemory.
func (d deviceMemory) Thaw(ctx context.Context, pids []int) error {
	return d.each(ctx, pids, cuda.Checkpointed, cuda.Thaw)
}

// each does something with the processes that use CUDA and are in a state.
func (d deviceMemory) each(ctx context.Context, pids []int, in cuda.State, do func(context.Context, cuda.Phases, []int) (cuda.Timing, error)) error {
	holders, err := cuda.Holders(ctx, d.phases, pids)
	if err != nil {
		return err
	}
	var ready []int
	for _, pid := range holders {
		s, err := d.phases.State(ctx, pid)
		if err != nil {
			return err
		}
		if s == in {
			ready = append(ready, pid)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	_, err = do(ctx, d.phases, ready)
	return err
}
