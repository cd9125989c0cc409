package blueprint

import (
	"fmt"
	"slices"

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
	if err := b.Devices.Inject(s, names); err != nil {
		return err
	}
	nameBinds(s.Mounts)
	return nil
}

// nameBinds gives bind mounts their type where only an option says what they are, as in NVIDIA's device files. Everybody who
// looks for bind mounts then finds them: a restore above all, for CRIU neither follows a source that is a link nor passes a
// folder that is closed to others.
func nameBinds(mounts []specs.Mount) {
	for i, m := range mounts {
		if m.Type == "" && (slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")) {
			mounts[i].Type = "bind"
		}
	}
}
