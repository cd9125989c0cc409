package serve

import (
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// MemoryEnv is how many bytes of the device's memory an instance may take; by default all, and on the CPU the least of what the
// function may take (handler.FunctionMemoryEnv), what its control group allows and what the machine has.
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
	return handler.Limit()
}

// beside is what an instance takes beside a model's stages while it makes a clip.
func beside(c bundle.ClipSize) int64 { return handler.Beside(c.Width, c.Height) }
