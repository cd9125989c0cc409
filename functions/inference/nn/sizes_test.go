package nn

import (
	"math"
	"testing"

	"github.com/containerd/errdefs"
)

func TestSizesThatNoModelHas(t *testing.T) {
	for _, n := range []int64{math.MinInt64, -1, 0, MostLayers + 1, math.MaxInt64} {
		if err := CheckLayers("transformer", n); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%d layers: %v", n, err)
		}
	}
	for _, n := range []int64{math.MinInt64, -1, 0, MostSize + 1, math.MaxInt64} {
		if err := CheckSizes("transformer", 1, n, 2); !errdefs.IsInvalidArgument(err) {
			t.Errorf("a size of %d: %v", n, err)
		}
	}
	if err := CheckLayers("transformer", 48); err != nil {
		t.Error(err)
	}
	if err := CheckSizes("transformer", 1, 256384, MostSize); err != nil {
		t.Error(err)
	}
}
