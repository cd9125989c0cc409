package blueprint

import (
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"tags.cncf.io/container-device-interface/pkg/cdi"
)

// allGPUs is what "all" in a manifest stands for.
const allGPUs = "nvidia.com/gpu=all"

// devices has CDI put the function's GPUs into the specification: device nodes, libraries and hooks, as the vendor's
// generated files name them. Those are read at every start, for they change with the driver.
func (b Blueprint) devices(s *specs.Spec) error {
	if len(b.Config.Function.GPUs) == 0 {
		return nil
	}
	names := make([]string, len(b.Config.Function.GPUs))
	for i, n := range b.Config.Function.GPUs {
		if names[i] = n; n == "all" {
			names[i] = allGPUs
		}
	}
	cache, err := cdi.NewCache(cdi.WithAutoRefresh(false))
	if err == nil {
		_, err = cache.InjectDevices(s, names...)
	}
	if err != nil {
		return fmt.Errorf("GPUs %s: run `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`: %w (%w)",
			strings.Join(names, ", "), err, errdefs.ErrFailedPrecondition)
	}
	return nil
}
