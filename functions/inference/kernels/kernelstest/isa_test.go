package kernelstest

import (
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/kernels/isa"
)

// TestWhatIsSaidOfInstructionSetsIsSo: the library takes those that isa finds nothing wrong with, and no others.
func TestWhatIsSaidOfInstructionSetsIsSo(t *testing.T) {
	takes := available(t)
	for _, name := range isas {
		if wrong := isa.Wrong(name); (wrong == "") != slices.Contains(takes, name) {
			t.Errorf("%s: %q is said, and the library takes %v", name, wrong, takes)
		}
	}
}
