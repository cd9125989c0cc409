package serve

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// MemoryEnv is how many bytes of the device's memory an instance may take; by default all, and on the CPU what its control
// group allows.
const MemoryEnv = "VIDEOSDGX_DEVICE_MEMORY"

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
	limit := machine()
	if raw, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if n, err := strconv.ParseInt(string(bytes.TrimSpace(raw)), 10, 64); err == nil && (limit == 0 || n < limit) { // else "max"
			limit = n
		}
	}
	return limit, nil
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
