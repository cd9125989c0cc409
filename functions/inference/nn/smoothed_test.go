package nn

import (
	"math"
	"testing"
)

// Whatever a checkpoint's scale is, FP16 holds activations exactly, the least of FP8's numbers and the largest, and the weight's scale is
// about one, as far as that leaves it.
func TestAScaleIsSharedSoThatFP16HoldsBoth(t *testing.T) {
	for _, times := range []float32{1, 1. / 256} {
		for e := -60; e < 30; e++ {
			scale := float32(math.Ldexp(1.3, e))
			kept := float64(besides(scale, times))
			if frac, _ := math.Frexp(kept); frac != 0.5 {
				t.Errorf("%g: %g is no power of two", scale, kept)
			}
			if kept < math.Ldexp(1, -15) || kept > 128 { // 2⁻⁹ is to be 2⁻²⁴ at the least, 448 below 65504
				t.Errorf("%g: %g is not exact in FP16", scale, kept)
			}
			rest := float64(scale) * float64(times) / kept
			if (rest < 0.5 || rest >= 1) && kept > math.Ldexp(1, -15) && kept < 128 {
				t.Errorf("%g: the weight's scale is %g beside %g", scale, rest, kept)
			}
		}
	}
}
