package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/videosdgx/videosdgx/snapshotter/cuda"
)

// NVML asks NVIDIA's management library for driver and GPUs. Without a GPU it is absent, which is no fault.
func NVML() Probe {
	return func(context.Context) Finding {
		f := Finding{Part: "NVML", Detail: "no NVIDIA driver: functions run on the CPU", Fix: "install NVIDIA's driver where there is a GPU"}
		if r := nvml.Init(); r != nvml.SUCCESS {
			return f
		}
		defer nvml.Shutdown()
		v, r := nvml.SystemGetDriverVersion()
		n, r2 := nvml.DeviceGetCount()
		if r != nvml.SUCCESS || r2 != nvml.SUCCESS {
			f.Detail = "the library is there, the driver does not answer: " + nvml.ErrorString(max(r, r2))
			return f
		}
		f.OK, f.Version, f.Fix, f.Detail = true, v, "", fmt.Sprintf("%d GPU(s)", n)
		for i := range n {
			if d, r := nvml.DeviceGetHandleByIndex(i); r == nvml.SUCCESS {
				name, _ := d.GetName()
				f.Detail += ", " + name
			}
		}
		return f
	}
}

// CUDACheckpoint says whether device memory can be part of a snapshot here.
func CUDACheckpoint() Probe {
	return func(ctx context.Context) Finding {
		s := cuda.Probe(ctx, cuda.Source{})
		if s.Err != nil {
			return Finding{Part: "CUDA checkpoint", Version: s.Driver, Detail: s.Err.Error(), Fix: "a driver and GPU that support it; without them device memory is loaded anew"}
		}
		return Finding{Part: "CUDA checkpoint", OK: true, Version: s.CUDA, Detail: "driver " + s.Driver + ", " + strings.Join(s.GPUs, ", ")}
	}
}
