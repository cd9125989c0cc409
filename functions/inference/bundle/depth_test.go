package bundle

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// namedSource is weights of which the names alone count.
type namedSource struct {
	weights.Set
	names []string
}

func (n *namedSource) Names() []string { return n.names }

func TestDepthIsThatOfTheWeights(t *testing.T) {
	r := Recipe{Weights: func(string) nn.Source {
		return &namedSource{names: []string{"blocks.0.a", "blocks.1.a.b", "blocks.10.a", "blocks.x.a", "blocks.99", "other.blocks.50.a", "y"}}
	}}
	for prefix, want := range map[string]int64{"blocks.": 11, "other.blocks.": 51, "y.": 0} {
		if err := r.Depth("c", prefix, want); err != nil {
			t.Error(err)
		}
		err := r.Depth("c", prefix, 3)
		if bad := errdefs.IsInvalidArgument(err) && strings.Contains(err.Error(), "3 blocks by its configuration"); bad != (want > 0) {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}
