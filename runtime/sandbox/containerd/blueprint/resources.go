package blueprint

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// cpuPeriod is the kernel's default, in microseconds.
const cpuPeriod = 100_000

// resources are hard limits; swap does not count on top of memory.
func (b Blueprint) resources() *specs.LinuxResources {
	l := b.Config.Function.Limits
	r := &specs.LinuxResources{
		Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
		Pids:    &specs.LinuxPids{Limit: ptr(orElse(l.PIDs, 512))},
		Memory:  &specs.LinuxMemory{Limit: ptr(memory(l))},
	}
	if b.SwapLimit {
		r.Memory.Swap = r.Memory.Limit
	}
	if l.CPUs > 0 {
		r.CPU = &specs.LinuxCPU{Period: ptr(uint64(cpuPeriod)), Quota: ptr(max(int64(l.CPUs*cpuPeriod), 1000))}
	}
	return r
}

// memory is the manifest's, or its default.
func memory(l spec.Limits) int64 { return orElse(int64(l.Memory), int64(spec.DefaultMemory)) }

// openFiles is as many as is usual, or as we may give: only CAP_SYS_RESOURCE raises the limit we have ourselves.
func openFiles() uint64 {
	const usual = 65536
	var own unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &own); err != nil {
		return usual
	}
	return min(usual, own.Max)
}

func orElse(v, def int64) int64 {
	if v <= 0 {
		return def
	}
	return v
}
