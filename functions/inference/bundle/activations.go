package bundle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// activationTypes are what Options.Activations may be, besides Auto.
var activationTypes = map[string]onnx.DType{"bf16": onnx.BFloat16, "fp16": onnx.Float16, "float32": onnx.Float32}

// Activations lists what Options.Activations takes, besides Auto.
func Activations() []string { return []string{"bf16", "fp16", "float32"} }

// computes fills in the activations, and says why where they were left to the family.
func (o *Options) computes(r Recipe) (why string, err error) {
	o.Activations = strings.ToLower(o.Activations)
	if o.Activations == "" || o.Activations == Auto {
		o.Activations = "bf16"
		if r.Half == "" {
			return "auto: this family's sums go beyond FP16", nil
		}
		o.Activations = r.Half
		return "auto: " + r.Because, nil
	}
	if activationTypes[o.Activations] == 0 {
		return "", fmt.Errorf("activations %q are not known: %s, %s would do: %w", o.Activations, Auto, strings.Join(Activations(), ", "), errdefs.ErrInvalidArgument)
	}
	return "", nil
}

// typeOf is the type of a component's activations on a GPU: 0 leaves it to the target.
func (o Options) typeOf(r Recipe) func(component string) onnx.DType {
	return func(component string) onnx.DType {
		if slices.Contains(r.Transformers, component) {
			return activationTypes[o.Activations]
		}
		return 0
	}
}

// onGPU says whether a bundle of these options has graphs whose activations can be chosen.
func (o Options) onGPU(r Recipe) bool {
	return len(r.Transformers) > 0 && slices.ContainsFunc(o.Targets, func(t Target) bool { return t.Halves })
}

// activationsOf are those of a bundle that is there. One that does not say it was built when all were BF16.
func activationsOf(m weights.Manifest) string {
	if m.Activations == "" {
		return "bf16"
	}
	return m.Activations
}
