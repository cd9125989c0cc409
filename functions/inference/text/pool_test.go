package text

import (
	"math"
	"testing"
)

func TestPool(t *testing.T) {
	got := Pool([]float32{1, 2, 3, 2}, 2) // two tokens: the mean is 2, 2
	for _, v := range got {
		if math.Abs(float64(v)-math.Sqrt(0.5)) > 1e-7 {
			t.Errorf("%v", got)
		}
	}
	for _, v := range append(Pool(nil, 3), Pool([]float32{1, -1, -1, 1}, 2)...) {
		if v != 0 {
			t.Errorf("%v of nothing", v)
		}
	}
}
