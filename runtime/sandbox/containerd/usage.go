package containerd

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Usage reads the instance's cgroup; that costs no round trip to containerd.
func (b *box) Usage(context.Context) (instance.Usage, error) {
	read := usageV1
	if unified() {
		read = usageV2
	}
	u, ok := read(b.cgroup)
	if !ok {
		return instance.Usage{}, fmt.Errorf("instance %s has no cgroup any more: %w", b.id, errdefs.ErrNotFound)
	}
	return u, nil
}

// usageV1: rss and cache of memory.stat do not overlap; shmem is in cache but behaves like anonymous memory.
func usageV1(cg string) (instance.Usage, bool) {
	mem := stats(filepath.Join(group(cg, "memory"), "memory.stat"))
	pids := number(filepath.Join(group(cg, "pids"), "pids.current"))
	cpu := number(filepath.Join(group(cg, "cpuacct"), "cpuacct.usage")) // nanoseconds
	anon, file := mem["total_rss"]+mem["total_shmem"], mem["total_cache"]-mem["total_shmem"]
	return usage(anon, file, pids, cpu), pids >= 0 && cpu >= 0
}

// usageV2: shmem is part of file.
func usageV2(cg string) (instance.Usage, bool) {
	dir := group(cg, "")
	mem := stats(filepath.Join(dir, "memory.stat"))
	pids := number(filepath.Join(dir, "pids.current"))
	cpu := stats(filepath.Join(dir, "cpu.stat"))["usage_usec"] * 1000
	return usage(mem["anon"]+mem["shmem"], mem["file"]-mem["shmem"], pids, cpu), pids >= 0
}

func usage(anon, file, pids, cpu int64) instance.Usage {
	return instance.Usage{
		RSS: spec.Bytes(anon + file), Anon: spec.Bytes(anon), File: spec.Bytes(file),
		PIDs: int(pids), CPU: time.Duration(cpu),
	}
}
