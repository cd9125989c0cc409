package serve

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// GraphsEnv is for how many shapes the denoisers' runs are recorded and replayed, on a GPU as CUDA graphs: "off" (the default), "on",
// or a number. It pays for small models, whose kernels are shorter than their launches.
const GraphsEnv = "VIDEOSDGX_CUDA_GRAPHS"

// usualGraphs is "on": guidance's two halves, with and without a picture.
const usualGraphs = 4

// graphs reads GraphsEnv.
func graphs() (int, error) {
	switch s := os.Getenv(GraphsEnv); s {
	case "", "off":
		return 0, nil
	case "on":
		return usualGraphs, nil
	default:
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%s is %q: on, off or a number of shapes would do: %w", GraphsEnv, s, errdefs.ErrInvalidArgument)
		}
		return n, nil
	}
}

// replayed opens the denoisers so that their runs are recorded.
type replayed struct {
	engine.Engine
	shapes int
}

func (e replayed) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	if isDenoiser(path) {
		o.Record = e.shapes
	}
	return e.Engine.Open(ctx, path, o)
}
