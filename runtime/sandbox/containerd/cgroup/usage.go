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

// MemoryLimit is the most that a group may use; false where it has no limit, or is gone.
func MemoryLimit(cg string) (spec.Bytes, bool) {
	file := "memory.limit_in_bytes"
	if Unified() {
		file = "memory.max"
	}
	n := number(filepath.Join(Folder(cg, "memory"), file))
	return spec.Bytes(n), n > 0 && n < unlimited
}

// unlimited is less than what version 1 says for no limit, the largest number of whole pages; version 2 has a word for it.
const unlimited = 1 << 62

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
