package blueprint

import (
	"fmt"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// allGPUs is what "all" in a manifest stands for.
const allGPUs = "nvidia.com/gpu=all"

// Devices puts devices into a specification by their CDI names: device nodes, libraries and hooks, as the vendor's files name
// them.
type Devices interface {
	Inject(s *specs.Spec, names []string) error
}

// devices has the function's GPUs put into the specification.
func (b Blueprint) devices(s *specs.Spec) error {
	gpus, err := b.Config.Devices()
	if err != nil || len(gpus) == 0 {
		return err
	}
	if b.Devices == nil {
		return fmt.Errorf("GPUs are not given to instances here: %w", errdefs.ErrFailedPrecondition)
	}
	names := make([]string, len(gpus))
	for i, n := range gpus {
		if names[i] = n; n == "all" {
			names[i] = allGPUs
		}
	}
	return b.Devices.Inject(s, names)
}
