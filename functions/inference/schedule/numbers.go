package schedule

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// Numbers fails where a prediction is not finite: every clip that it leads to would be black. The error is FailedPrecondition.
func Numbers(predicted ...[]float32) error {
	for _, v := range predicted {
		for _, x := range v {
			if x-x != 0 { // infinite, or no number
				return fmt.Errorf("the transformer's prediction has the value %g: what it computes goes beyond FP16 where it computes in that, and a bundle built with --activations bf16 would do; else its weights are damaged: %w", x, errdefs.ErrFailedPrecondition)
			}
		}
	}
	return nil
}
