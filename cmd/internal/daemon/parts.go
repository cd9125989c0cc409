package daemon

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/videosdgx/videosdgx/cmd/internal/doctor"
	"github.com/videosdgx/videosdgx/runtime/device"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd"
	"github.com/videosdgx/videosdgx/snapshotter/cuda"
)

// ContainerdParts are what the containerd driver stands on. None is required: without them the process driver serves.
func ContainerdParts(ctx context.Context) []doctor.Finding {
	parts := containerd.Probe(ctx, containerd.Options{})
	found := make([]doctor.Finding, len(parts))
	for i, p := range parts {
		found[i] = doctor.Finding{Part: p.Name, OK: p.Fault == "", Version: p.Version, Fix: p.Install, Detail: sentenceOf(p.Path, p.Fault, p.Note)}
	}
	if f := &found[0]; f.OK && os.Geteuid() != 0 {
		f.OK, f.Fix = false, "run videosdgx serve as root"
		f.Detail += ", but this user is not root: the process driver serves"
	}
	return found
}

func sentenceOf(parts ...string) string {
	var said []string
	for _, p := range parts {
		if p != "" {
			said = append(said, p)
		}
	}
	return strings.Join(said, "; ")
}

// GPUParts are what NVIDIA's library and driver say, and the memory that instances share. Their absence is no fault:
// functions run on the CPU.
func GPUParts(ctx context.Context) []doctor.Finding {
	m, err := device.Open(0)
	if err != nil {
		return []doctor.Finding{{Part: "memory", Detail: err.Error()}}
	}
	defer m.Close()
	p, err := m.Probe()
	if err != nil {
		return []doctor.Finding{{Part: "memory", Detail: err.Error()}}
	}
	return []doctor.Finding{nvml(p), memory(p), cudaCheckpoint(ctx)}
}

func nvml(p device.Probe) doctor.Finding {
	if p.NoGPU != "" {
		return doctor.Finding{Part: "NVML", Version: p.Driver, Detail: p.NoGPU + "; functions run on the CPU", Fix: "install NVIDIA's driver where there is a GPU"}
	}
	f := doctor.Finding{Part: "NVML", OK: true, Version: p.Driver, Detail: fmt.Sprintf("%d GPU(s), CUDA %s", len(p.GPUs), p.CUDA)}
	for _, g := range p.GPUs {
		size := g.Total.String()
		if g.Unified {
			size = "the system's memory"
		}
		f.Detail += fmt.Sprintf(", %s (%s)", g.Name, size)
	}
	return f
}

func memory(p device.Probe) doctor.Finding {
	return doctor.Finding{Part: "memory", OK: true, Detail: fmt.Sprintf("%.1f GiB, %.1f available, %.1f kept free",
		gib(int64(p.Memory.Total)), gib(int64(p.Memory.Available)), gib(int64(p.Floor)))}
}

func gib(n int64) float64 { return float64(n) / (1 << 30) }

// cudaCheckpoint says whether device memory can be part of a snapshot here.
func cudaCheckpoint(ctx context.Context) doctor.Finding {
	s := cuda.Probe(ctx, cuda.Source{})
	if s.Err != nil {
		return doctor.Finding{Part: "CUDA checkpoint", Version: s.Driver, Detail: s.Err.Error(), Fix: "a driver and GPU that support it; without them device memory is loaded anew"}
	}
	return doctor.Finding{Part: "CUDA checkpoint", OK: true, Version: s.CUDA, Detail: "driver " + s.Driver + ", " + strings.Join(s.GPUs, ", ")}
}
