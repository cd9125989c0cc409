package serve

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
)

// forPlans opens the TensorRT that builds for a GPU: RTX alone builds for one that is not here.
func forPlans(capability int) (*tensorrt.Library, error) {
	all, err := tensorrt.Find()
	if err != nil {
		return nil, err
	}
	for _, at := range all {
		if capability == 0 || at.Family == tensorrt.RTX {
			return tensorrt.Load(at)
		}
	}
	return nil, fmt.Errorf("only TensorRT-RTX builds plans for a GPU that is not in this machine, and %s is none: %s: %w", all[0].Library, tensorrt.Another(), errdefs.ErrNotFound)
}
