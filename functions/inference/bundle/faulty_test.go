package bundle

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// poisoned has one value that is not finite.
type poisoned struct {
	nn.Source
	name  string
	value float32
}

func (p poisoned) ReadFloat32(name string, at int64, dst []float32) error {
	err := p.Source.ReadFloat32(name, at, dst)
	if name == p.name && len(dst) > 0 {
		dst[len(dst)-1] = p.value
	}
	return err
}

// TestABadCheckpointLeavesNothing: however far a build has come, one that the same checkpoint would fail again has nothing to go
// on from.
func TestABadCheckpointLeavesNothing(t *testing.T) {
	for _, precision := range Precisions() {
		for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			r, _, ctx := resumable(t, "")
			src := poisoned{Source: r.Weights("c"), name: "d.weight", value: float32(value)}
			r.Weights = func(string) nn.Source { return src }
			parent := t.TempDir()
			_, err := Build(ctx, r, filepath.Join(parent, "bundle"), Options{Targets: target(), Precision: precision})
			if err == nil || !strings.Contains(err.Error(), "tensor d.weight of c") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s, %v: %v", precision, value, err)
			}
			if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
				t.Errorf("%s, %v: %v is left, %v", precision, value, left, err)
			}
		}
	}
}
