package serve

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// MemoryEnv is how many bytes of the device's memory an instance may take; by default all, and on the CPU what its control
// group allows.
const MemoryEnv = "VIDEOSDGX_DEVICE_MEMORY"

// FreeEnv is how many bytes were free on each of an instance's GPUs when it was given them, as the control plane has seen: stages that
// do not fit there together take turns. It is no limit.
const FreeEnv = "VIDEOSDGX_DEVICE_FREE"

// free reads FreeEnv; 0 when nobody has said.
func free() (int64, error) {
	s := os.Getenv(FreeEnv)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s is %q: a number of bytes would do: %w", FreeEnv, s, errdefs.ErrInvalidArgument)
	}
	return n, nil
}

// memory is the limit on a device in bytes, 0 when none is known.
func memory(d engine.Device) (int64, error) {
	if s := os.Getenv(MemoryEnv); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 1 {
			return 0, fmt.Errorf("%s is %q: a number of bytes would do: %w", MemoryEnv, s, errdefs.ErrInvalidArgument)
		}
		return n, nil
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
