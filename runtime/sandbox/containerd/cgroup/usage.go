package cgroup

import (
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Usage says what a group uses now; false when it is gone.
func Usage(cg string) (instance.Usage, bool) {
	if Unified() {
		return usageV2(cg)
	}
	return usageV1(cg)
}

// usageV1: rss and cache of memory.stat do not overlap; shmem is in cache but behaves like anonymous memory.
func usageV1(cg string) (instance.Usage, bool) {
	mem := Stats(filepath.Join(Folder(cg, "memory"), "memory.stat"))
	pids := number(filepath.Join(Folder(cg, "pids"), "pids.current"))
	cpu := number(filepath.Join(Folder(cg, "cpuacct"), "cpuacct.usage")) // nanoseconds
	anon, file := mem["total_rss"]+mem["total_shmem"], mem["total_cache"]-mem["total_shmem"]
	return usage(anon, file, pids, cpu), pids >= 0 && cpu >= 0
}

// usageV2: shmem is part of file.
func usageV2(cg string) (instance.Usage, bool) {
	dir := Folder(cg, "")
	mem := Stats(filepath.Join(dir, "memory.stat"))
	pids := number(filepath.Join(dir, "pids.current"))
	cpu := Stats(filepath.Join(dir, "cpu.stat"))["usage_usec"] * 1000
	return usage(mem["anon"]+mem["shmem"], mem["file"]-mem["shmem"], pids, cpu), pids >= 0
}

func usage(anon, file, pids, cpu int64) instance.Usage {
	return instance.Usage{
		RSS: spec.Bytes(anon + file), Anon: spec.Bytes(anon), File: spec.Bytes(file),
		PIDs: int(pids), CPU: time.Duration(cpu),
	}
}
