package kernelstest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// bound is what quantizing 16 values of x by their own maximum costs at most, of |row of x|·|row of W|: √16/254, and float32's
// own rounding.
const bound = 4.0/254 + 1e-5

// rows of x that are hard to quantize: K values each.
var hard = map[string]func(r *rand.Rand, x []float32){
	"normal": func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
	},
	"outliers": func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(r.NormFloat64())
			if r.IntN(50) == 0 {
				x[i] *= 1000
			}
		}
	},
	"cancelling": func(r *rand.Rand, x []float32) { // neighbours cancel where a row of W has equal pairs
		for i := range x {
			x[i] = float32(100+r.NormFloat64()) * float32(1-i%2*2)
		}
	},
	"heavy": func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(math.Exp(4*r.NormFloat64())) * float32(1-r.IntN(2)*2)
		}
	},
	"half steps": func(r *rand.Rand, x []float32) { // every value as far from a step as can be
		for i := range x {
			x[i] = (float32(r.IntN(3)) + 0.5) / 127
			if i%16 == 0 {
				x[i] = 1
			}
		}
	},
	"tiny": func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(r.NormFloat64() * 1e-36)
		}
	},
	"large": func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(r.NormFloat64() * 1e33)
		}
	},
}

// TestQuantizedActivationsAreBounded holds every result to the bound, which no values of x can break: outliers take their own
// group's precision only, and sums that cancel are off by no more than others.
func TestQuantizedActivationsAreBounded(t *testing.T) {
	forISAs(t, func(t *testing.T) {
		for _, variant := range []string{"int8", "int8 asymmetric", "int8 long blocks", "int4", "int4 asymmetric"} {
			for _, s := range [][3]int{{1, 7, 16}, {3, 5, 255}, {63, 11, 1041}, {127, 6, 97}} {
				m, n, k := s[0], s[1], s[2]
				w := weight(n, k)
				for i := 1; i < k*(n/2); i += 2 {
					w[i] = w[i-1]
				}
				q := quantized(t, variant, w, n, k)
				for name, fill := range hard {
					r, x := rand.New(rand.NewPCG(uint64(m), uint64(k))), make([]float32, m*k)
					for row := range m {
						fill(r, x[row*k:(row+1)*k])
					}
					bounded(t, fmt.Sprintf("%s %v %s", variant, s, name), q, x)
				}
			}
		}
	})
}

// bounded multiplies and compares each result with the bound of its rows.
func bounded(t *testing.T, what string, q *quant.Tensor, x []float32) {
	t.Helper()
	w := make([]float32, q.N*q.K)
	if err := q.Decode(w); err != nil {
		t.Fatal(err)
	}
	want, worst := product(t, q, x, nil), 0.0
	for i, y := range multiply(t, q, x, nil, true) {
		m, n := i/q.N, i%q.N
		room := norm(x[m*q.K:(m+1)*q.K]) * norm(w[n*q.K:(n+1)*q.K])
		if off := math.Abs(float64(y)-float64(want[i])) / room; !(off <= worst) {
			worst = off
		}
	}
	if !(worst <= bound) {
		t.Errorf("%s: off by %.3g of |x|·|w|, allowed %.3g", what, worst, bound)
	}
}

func norm(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// TestTheLargestWeights: what is finite in float32 is finite in every format, with activations quantized or not.
func TestTheLargestWeights(t *testing.T) {
	forISAs(t, func(t *testing.T) {
		for name, v := range variants {
			for _, size := range []float32{1e37, 2e38} {
				m, n, k := 5, 7, 200
				w, x := weight(n, k), weight(m, k)
				for i := range w {
					w[i] = max(-1, min(1, w[i])) * size
				}
				for i := range x {
					x[i] *= 1e35 / size
				}
				q := quantized(t, name, w, n, k)
				if err := q.Check(name); err != nil {
					t.Fatal(err)
				}
				want := product(t, q, x, nil)
				near(t, fmt.Sprintf("%s of %g", name, size), multiply(t, q, x, nil, false), want, exact)
				if v.f == quant.INT8 || v.f == quant.INT4 {
					near(t, fmt.Sprintf("%s of %g dynamic", name, size), multiply(t, q, x, nil, true), want, dynamic)
				}
			}
		}
	})
}

// TestALargeScaleOfSmallCodes: a published FP8 weight may have a scale of which 256-fold is no float32.
func TestALargeScaleOfSmallCodes(t *testing.T) {
	q := &quant.Tensor{Format: quant.FP8, N: 2, K: 32, Codes: make([]byte, 64), Scales: []float32{2e37}}
	for i := range q.Codes {
		q.Codes[i] = byte(i % 48) // up to 1.875·2⁻¹
	}
	if err := q.Check("w"); err != nil {
		t.Fatal(err)
	}
	x := weight(3, 32)
	forISAs(t, func(t *testing.T) { near(t, "fp8", multiply(t, q, x, nil, false), product(t, q, x, nil), exact) })
}

// TestNotANumberInAnyGroup: one value that is not finite makes its whole row NaN, wherever it lies, and no other.
func TestNotANumberInAnyGroup(t *testing.T) {
	forISAs(t, func(t *testing.T) {
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			for _, at := range []int{0, 15, 16, 69, 70} {
				q, x := quantized(t, "int8 asymmetric", weight(5, 71), 5, 71), weight(3, 71)
				x[71+at] = float32(bad)
				for i, y := range multiply(t, q, x, nil, true) {
					if (i/5 == 1) != math.IsNaN(float64(y)) {
						t.Fatalf("%v at %d: row %d has %v", bad, at, i/5, y)
					}
				}
			}
		}
	})
}
