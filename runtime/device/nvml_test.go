//go:build cgo

package device

import (
	"strings"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/google/go-cmp/cmp"

	"github.com/videosdgx/videosdgx/runtime/placement"
)

// fake is an NVML with one device whose GetMemoryInfo answers as given.
func fake(m nvml.Memory, ret nvml.Return) *mock.Interface {
	d := &mock.Device{
		GetNameFunc:                  func() (string, nvml.Return) { return "NVIDIA GB10", nvml.SUCCESS },
		GetUUIDFunc:                  func() (string, nvml.Return) { return "GPU-1", nvml.SUCCESS },
		GetCudaComputeCapabilityFunc: func() (int, int, nvml.Return) { return 12, 1, nvml.SUCCESS },
		GetMemoryInfoFunc:            func() (nvml.Memory, nvml.Return) { return m, ret },
	}
	return &mock.Interface{
		InitFunc:                       func() nvml.Return { return nvml.SUCCESS },
		ShutdownFunc:                   func() nvml.Return { return nvml.SUCCESS },
		ErrorStringFunc:                func(nvml.Return) string { return "Not Supported" },
		SystemGetDriverVersionFunc:     func() (string, nvml.Return) { return "580.142", nvml.SUCCESS },
		SystemGetCudaDriverVersionFunc: func() (int, nvml.Return) { return 13010, nvml.SUCCESS },
		DeviceGetCountFunc:             func() (int, nvml.Return) { return 1, nvml.SUCCESS },
		DeviceGetHandleByIndexFunc:     func(int) (nvml.Device, nvml.Return) { return d, nvml.SUCCESS },
	}
}

func TestUnifiedMemoryIsOnePool(t *testing.T) {
	for name, lib := range map[string]*mock.Interface{
		"NOT_SUPPORTED":       fake(nvml.Memory{}, nvml.ERROR_NOT_SUPPORTED),
		"the system's memory": fake(nvml.Memory{Total: 127 << 30, Free: 1 << 30}, nvml.SUCCESS),
	} {
		t.Run(name, func(t *testing.T) {
			m := machine(t, map[string]string{"proc/meminfo": meminfo})
			m.gpus = openNVML(lib)
			want := []placement.Pool{{
				Name: placement.System, Total: 128 * gib, Floor: 8 * gib, Available: 64 * gib,
				Devices: []string{"nvidia.com/gpu=0", "nvidia.com/gpu=GPU-1"}, GPUs: []string{"nvidia.com/gpu=0"},
			}}
			if d := cmp.Diff(want, m.Pools()); d != "" {
				t.Error(d)
			}
			p, _ := m.Probe()
			if !p.Unified || p.Driver != "580.142" || p.CUDA != "13.1" || p.GPUs[0].Compute != "12.1" {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestGPUWithMemoryOfItsOwn(t *testing.T) {
	m := machine(t, map[string]string{"proc/meminfo": meminfo})
	m.gpus = openNVML(fake(nvml.Memory{Total: 96 << 30, Free: 90 << 30}, nvml.SUCCESS))
	got := m.Pools()
	if len(got) != 2 || got[1].Name != "gpu0" || got[1].Total != 96*gib || got[1].Available != 90*gib || len(got[0].Devices) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestNoDriverIsExplained(t *testing.T) {
	lib := &mock.Interface{InitFunc: func() nvml.Return { return nvml.ERROR_LIBRARY_NOT_FOUND }}
	if g := openNVML(lib).look(0); !strings.Contains(g.Reason, "libnvidia-ml.so.1") {
		t.Errorf("got %+v", g)
	}
}

// The oldest GPU's compute capability is what all of them have.
func TestComputeIsTheOldestGPUs(t *testing.T) {
	spark := openNVML(fake(nvml.Memory{}, nvml.ERROR_NOT_SUPPORTED)).look(0).All
	for want, all := range map[string][]GPU{"12.1": spark, "9.0": append([]GPU{{Compute: "10.0"}, {Compute: "9.0"}}, spark...), "": {{Name: "silent"}}} {
		if got := lowest(all); got != want {
			t.Errorf("of %+v: %q", all, got)
		}
	}
}

// Two GPUs, three processes: one on both, one whose memory the driver does not tell, one in two instances of a device.
func TestMemoryIsToldByProcess(t *testing.T) {
	lib := fake(nvml.Memory{Total: 96 << 30, Free: 90 << 30}, nvml.SUCCESS)
	lib.DeviceGetCountFunc = func() (int, nvml.Return) { return 2, nvml.SUCCESS }
	uses := [][]nvml.ProcessInfo{
		{{Pid: 10, UsedGpuMemory: 3 << 30}, {Pid: 11, UsedGpuMemory: unsaid}, {Pid: 12, UsedGpuMemory: 1 << 30}, {Pid: 12, UsedGpuMemory: 1 << 30}},
		{{Pid: 10, UsedGpuMemory: 5 << 30}},
	}
	lib.DeviceGetHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
		d, _ := fake(nvml.Memory{Total: 96 << 30, Free: 90 << 30}, nvml.SUCCESS).DeviceGetHandleByIndexFunc(0)
		d.(*mock.Device).GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return uses[i], nvml.SUCCESS }
		return d, nvml.SUCCESS
	}
	m := machine(t, map[string]string{"proc/meminfo": meminfo})
	m.gpus = openNVML(lib)
	want := map[int]placement.Demand{10: {"gpu0": 3 * gib, "gpu1": 5 * gib}, 12: {"gpu0": 2 * gib}}
	if d := cmp.Diff(want, m.Held()); d != "" {
		t.Error(d)
	}
	one := fake(nvml.Memory{}, nvml.ERROR_NOT_SUPPORTED)
	d, _ := one.DeviceGetHandleByIndexFunc(0)
	d.(*mock.Device).GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return uses[1], nvml.SUCCESS }
	m = machine(t, map[string]string{"proc/meminfo": meminfo})
	m.gpus = openNVML(one)
	if d := cmp.Diff(map[int]placement.Demand{10: {placement.System: 5 * gib}}, m.Held()); d != "" {
		t.Errorf("unified: %s", d)
	}
	d.(*mock.Device).GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return nil, nvml.ERROR_NOT_SUPPORTED }
	if got := m.Held(); len(got) != 0 {
		t.Errorf("a driver that does not say: %v", got)
	}
}
