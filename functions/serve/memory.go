package serve

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// MemoryEnv is how many bytes of the device's memory an instance may take; by default all, and on the CPU the least of what the
// function may take (FunctionMemoryEnv), what its control group allows and what the machine has.
const MemoryEnv = "VIDEOSDGX_DEVICE_MEMORY"

// FunctionMemoryEnv is limits.memory of the function in MiB: the runtime gives it to every instance, as Lambda does. Containers see no
// control group of their own.
const FunctionMemoryEnv = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"

// FreeEnv is how many bytes were free on each of an instance's GPUs when it was given them, as the control plane has seen: stages that
// do not fit there together take turns. It is no limit.
const FreeEnv = "VIDEOSDGX_DEVICE_FREE"

// memory is the limit on a device in bytes, 0 when none is known.
func memory(d engine.Device) (int64, error) {
	if n, err := amount(MemoryEnv); n > 0 || err != nil {
		return n, err
	}
	if !d.Host() {
		return 0, nil
	}
	function, err := amount(FunctionMemoryEnv)
	return least(function<<20, group("/sys/fs/cgroup/memory.max"), group("/sys/fs/cgroup/memory/memory.limit_in_bytes"), machine()), err
}

// beside is what an instance takes beside a model's stages while it makes a clip.
func beside(c bundle.ClipSize) int64 { return handler.Beside(c.Width, c.Height) }

// least is the least of those that are known, which are not 0.
func least(all ...int64) (n int64) {
	for _, limit := range all {
		if limit > 0 && (n == 0 || limit < n) {
			n = limit
		}
	}
	return n
}

// group is the limit in a file of a control group's, of either version; 0 where there is none, or it says "max".
func group(file string) int64 {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(raw)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// machine is MemTotal.
func machine() int64 {
	raw, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	kb := int64(0)
	for line := range bytes.Lines(raw) {
		if _, err := fmt.Sscanf(string(line), "MemTotal: %d kB", &kb); err == nil {
			return kb << 10
		}
	}
	return 0
}
