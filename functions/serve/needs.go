package serve

import (
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/form"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// takes says in one sentence why a GPU does not take plans of these graphs, which TensorRT's compiler would say in words of its own after
// a rehearsal: it has not the type that they compute in. TensorRT 8 is given graphs of no such type.
func takes(lib *tensorrt.Library, on tensorrt.Target, graphs []string) error {
	if lib.Family == tensorrt.Enterprise && lib.Version[0] == 8 {
		return nil
	}
	for _, path := range graphs {
		m, err := onnx.ReadFile(path)
		if err != nil {
			return err
		}
		n := form.Needs(m)
		if on.Capability >= n.Capability {
			continue
		}
		instead := "ONNX Runtime serves it there"
		if all := form.Takes(on.Capability); len(all) > 0 {
			names := make([]string, 0, len(all)+1)
			for _, f := range all {
				names = append(names, string(f))
			}
			instead += ", and a bundle that is built with --quant " + strings.Join(names, ", ") + " or none has plans for that GPU"
		}
		return fmt.Errorf("plans of this bundle compute in %s, which GPUs have from compute capability %d.%d on, and %s is older: %s: %w",
			n.Type, n.Capability/10, n.Capability%10, on, instead, errdefs.ErrFailedPrecondition)
	}
	return nil
}
