//go:build cgo

package device

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// open loads NVML where there is one. libnvidia-ml.so.1 comes with the driver and is looked for at run time.
func open() source { return openNVML(nvml.New()) }

func openNVML(lib nvml.Interface) source {
	switch ret := lib.Init(); ret {
	case nvml.SUCCESS:
		return &library{lib}
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		return none{"libnvidia-ml.so.1 is not there: no NVIDIA driver is installed"}
	default:
		return none{fmt.Sprintf("NVML does not start: %s", lib.ErrorString(ret))}
	}
}

// library is an NVML that has started.
type library struct{ lib nvml.Interface }

func (l *library) close() { _ = l.lib.Shutdown() }

func (l *library) look(system spec.Bytes) gpus {
	g := gpus{}
	if v, ret := l.lib.SystemGetDriverVersion(); ret == nvml.SUCCESS {
		g.Driver = v
	}
	if v, ret := l.lib.SystemGetCudaDriverVersion(); ret == nvml.SUCCESS {
		g.CUDA = fmt.Sprintf("%d.%d", v/1000, v%1000/10)
	}
	n, ret := l.lib.DeviceGetCount()
	if ret != nvml.SUCCESS {
		g.Reason = "NVML counts no devices: " + l.lib.ErrorString(ret)
		return g
	}
	for i := range n {
		if d, ret := l.lib.DeviceGetHandleByIndex(i); ret == nvml.SUCCESS {
			g.All = append(g.All, gpu(i, d, system))
		}
	}
	if len(g.All) == 0 {
		g.Reason = "the driver has no device that it lets this process use"
	}
	return g
}

func (l *library) free(index int) spec.Bytes {
	d, ret := l.lib.DeviceGetHandleByIndex(index)
	if ret != nvml.SUCCESS {
		return -1
	}
	m, ret := d.GetMemoryInfo()
	if ret != nvml.SUCCESS {
		return -1
	}
	return spec.Bytes(m.Free)
}

// unsaid is what NVML gives for memory that it cannot tell.
const unsaid = ^uint64(0)

func (l *library) held(index int) map[int]spec.Bytes {
	d, ret := l.lib.DeviceGetHandleByIndex(index)
	if ret != nvml.SUCCESS {
		return nil
	}
	all, ret := d.GetComputeRunningProcesses()
	if ret != nvml.SUCCESS {
		return nil
	}
	by := map[int]spec.Bytes{}
	for _, p := range all {
		if p.UsedGpuMemory != unsaid {
			by[int(p.Pid)] += spec.Bytes(p.UsedGpuMemory) // one that uses several instances of a device is told once for each
		}
	}
	return by
}

// gpu asks one device. A field that the device does not support stays empty; a device that reports no memory uses the
// system's.
func gpu(i int, d nvml.Device, system spec.Bytes) GPU {
	g := GPU{Index: i}
	if v, ret := d.GetName(); ret == nvml.SUCCESS {
		g.Name = v
	}
	if v, ret := d.GetUUID(); ret == nvml.SUCCESS {
		g.UUID = v
	}
	if major, minor, ret := d.GetCudaComputeCapability(); ret == nvml.SUCCESS {
		g.Compute = fmt.Sprintf("%d.%d", major, minor)
	}
	m, ret := d.GetMemoryInfo()
	if ret != nvml.SUCCESS || m.Total == 0 || sameMemory(spec.Bytes(m.Total), system) {
		g.Unified = true
		return g
	}
	g.Total, g.Free = spec.Bytes(m.Total), spec.Bytes(m.Free)
	return g
}

// sameMemory says whether the memory that a GPU reports is the system's: newer drivers of unified machines may report
// MemTotal, give or take what the firmware keeps for itself.
func sameMemory(gpu, system spec.Bytes) bool {
	diff := gpu - system
	return max(diff, -diff) < system/50
}
