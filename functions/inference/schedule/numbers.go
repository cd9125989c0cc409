package schedule

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// Numbers fails where a prediction is not finite: every clip that it leads to would be black. The error is Internal.
func Numbers(predicted ...[]float32) error {
	for _, v := range predicted {
		for _, x := range v {
			if x-x != 0 { // infinite, or no number
				return fmt.Errorf("the transformer's prediction has the value %g; where the model computes in FP16, one built with --activations bf16 has room for larger values: %w", x, errdefs.ErrInternal)
			}
		}
	}
	return nil
}
