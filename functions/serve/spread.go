package serve

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/split"
)

// denoisers are the graphs that several devices share: what a clip's time goes to, and most of a model's weights. A model of two experts has two.
var denoisers = []string{"transformer", "transformer_2"}

// isDenoiser says whether the graph at path is a denoiser.
func isDenoiser(path string) bool {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return slices.Contains(denoisers, name)
}

// devices reads "cuda:0,cuda:1": the first device is where everything runs, and all of them share the denoisers.
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

// whole says that each of several devices holds a denoiser whole: its weights fit twice into the memory that a device may take, so that room
// is left for what runs produce.
func whole(weights, memory int64) bool { return 2*weights <= memory }

// spread has several devices share the denoisers: each holds them whole, or a part of each.
func spread(e engine.Engine, all []engine.Device, memory int64) engine.Engine {
	if len(all) < 2 {
		return e
	}
	return &split.Engine{Engine: e, Devices: all, Spread: denoisers, Fits: func(weights int64) bool { return whole(weights, memory) }}
}

// share is how many bytes of a graph's weights lie on each of n devices.
func share(n int, memory int64) func(graph string, weights int64) int64 {
	return func(graph string, weights int64) int64 {
		if !slices.Contains(denoisers, graph) || whole(weights, memory) {
			return weights
		}
		return weights / int64(n)
	}
}
