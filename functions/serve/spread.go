package serve

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/split"
)

// denoiser is the graph that several devices share: what a clip's time goes to, and most of a model's weights.
const denoiser = "transformer"

// isDenoiser says whether the graph at path is the denoiser.
func isDenoiser(path string) bool { return strings.HasPrefix(filepath.Base(path), denoiser+".") }

// devices reads "cuda:0,cuda:1": the first device is where everything runs, and all of them share the denoiser.
func devices(asked string) (all []engine.Device, err error) {
	seen := map[engine.Device]bool{}
	for _, name := range strings.Split(asked, ",") {
		d, err := engine.ParseDevice(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", DeviceEnv, err)
		}
		if seen[d] && !d.Host() { // two sessions on the CPU are two devices for a test
			return nil, fmt.Errorf("%s names %s twice: %w", DeviceEnv, d, errdefs.ErrInvalidArgument)
		}
		if len(all) > 0 && d.Kind != all[0].Kind {
			return nil, fmt.Errorf("%s mixes %s and %s: devices of one kind share a model: %w", DeviceEnv, all[0], d, errdefs.ErrInvalidArgument)
		}
		seen[d] = true
		all = append(all, d)
	}
	return all, nil
}

// spread has several devices share the denoiser: each holds it whole where its weights fit twice into the memory that a device
// may take, so that room is left for what runs produce; else each holds a part.
func spread(e engine.Engine, all []engine.Device, memory int64) engine.Engine {
	if len(all) < 2 {
		return e
	}
	return &split.Engine{Engine: e, Devices: all, Spread: []string{denoiser}, Fits: func(weights int64) bool { return 2*weights <= memory }}
}
