package schedule

import (
	"math"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// A transformer that goes beyond FP16 is told, with what would do, and makes no black clip.
func TestAPredictionIsNumbers(t *testing.T) {
	if err := Numbers([]float32{0, -7e4, math.MaxFloat32}); err != nil {
		t.Error(err)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if err := Numbers([]float32{1, float32(bad)}); !errdefs.IsInternal(err) || !strings.Contains(err.Error(), "--activations bf16") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
