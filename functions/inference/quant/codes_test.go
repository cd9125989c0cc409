package quant_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// weight is n×k normally distributed values, with an outlier and a zero here and there.
func weight(n, k int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 20))
	w := make([]float32, n*k)
	for i := range w {
		w[i] = float32(r.NormFloat64()) * 0.04
		switch r.IntN(200) {
		case 0:
			w[i] *= 12
		case 1:
			w[i] = 0
		}
	}
	return w
}

// variant is a format with options, and the largest error of a value relative to the largest of its block, row or tensor.
type variant struct {
	f   quant.Format
	o   quant.Options
	err float64
}

var variants = map[string]variant{
	"bf16":            {quant.BF16, quant.Options{}, 1. / 256},
	"fp8":             {quant.FP8, quant.Options{}, 1. / 16},
	"fp8 per channel": {quant.FP8, quant.Options{PerChannel: true}, 1. / 16},
	"nf4":             {quant.NF4, quant.Options{}, 0.153},
	"nf4 128":         {quant.NF4, quant.Options{Block: 128}, 0.153},
	"nf4 double":      {quant.NF4, quant.Options{Double: true}, 0.22},
	"nvfp4":           {quant.NVFP4, quant.Options{}, 0.19},
	"int8":            {quant.INT8, quant.Options{}, 1. / 128},
	"int8 asymmetric": {quant.INT8, quant.Options{Asymmetric: true, Block: 64}, 1. / 128},
	"int4":            {quant.INT4, quant.Options{}, 1. / 8},
	"int4 asymmetric": {quant.INT4, quant.Options{Asymmetric: true, Block: 16}, 1. / 8},
}

func forVariants(t *testing.T, run func(t *testing.T, v variant)) {
	for name, v := range variants {
		t.Run(name, func(t *testing.T) { run(t, v) })
	}
}

func encoded(t *testing.T, v variant, w []float32, n, k int) *quant.Tensor {
	t.Helper()
	q, err := quant.Encode("w", v.f, v.o, w, n, k)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Check("w"); err != nil {
		t.Fatal(err)
	}
	return q
}

// TestErrorIsTheFormats bounds the error of every value by half the widest step of its format.
func TestErrorIsTheFormats(t *testing.T) {
	for _, shape := range [][2]int{{64, 256}, {13, 77}, {1, 5}, {7, 40}} {
		n, k := shape[0], shape[1]
		w := weight(n, k, 1)
		forVariants(t, func(t *testing.T, v variant) {
			top := float64(slices.MaxFunc(w, func(a, b float32) int { return cmpAbs(a, b) }))
			for i, got := range decode(t, encoded(t, v, w, n, k)) {
				if d := math.Abs(float64(got - w[i])); d > v.err*math.Abs(top) {
					t.Fatalf("[%d] %v became %v: off by %.3g of the maximum, allowed %.3g", i, w[i], got, d/math.Abs(top), v.err)
				}
			}
		})
	}
}

func cmpAbs(a, b float32) int {
	return int(math.Copysign(1, math.Abs(float64(a))-math.Abs(float64(b))))
}

// TestStable encodes what was decoded: the codes are the same, and so are the values but for the last bit of a scale that
// is itself a rounded quotient.
func TestStable(t *testing.T) {
	for seed := range uint64(20) {
		n, k := 24, 96+int(seed)
		w := weight(n, k, seed)
		forVariants(t, func(t *testing.T, v variant) {
			if v.o.Double {
				v.o.Double = false // a mean of rounded values is not the mean of the values: see TestNestedStable
			}
			once := encoded(t, v, w, n, k)
			values := decode(t, once)
			twice := encoded(t, v, values, n, k)
			if v.o.Asymmetric {
				nearlyEqual(t, decode(t, twice), values, 4e-7)
				return
			}
			sameBytes(t, "codes", unsigned(twice), unsigned(once))
			sameBytes(t, "coded scales", twice.ScaleCodes, once.ScaleCodes)
			nearlyEqual(t, decode(t, twice), values, 2.4e-7)
		})
	}
}

// unsigned takes NVFP4's −0 for 0: a small negative weight becomes −0, which the reference's rule (the sign of w < 0)
// encodes as 0 the second time.
func unsigned(q *quant.Tensor) []byte {
	codes := slices.Clone(q.Codes)
	for i, c := range codes {
		if q.Format == quant.NVFP4 && c&15 == 8 {
			codes[i] &= 0xf0
		}
		if q.Format == quant.NVFP4 && c>>4 == 8 {
			codes[i] &= 15
		}
	}
	return codes
}

// TestNestedStable: with double quantization the codes of the weights do not move; absmax moves by its own error only.
func TestNestedStable(t *testing.T) {
	w := weight(64, 256, 3)
	v := variants["nf4 double"]
	once := encoded(t, v, w, 64, 256)
	twice := encoded(t, v, decode(t, once), 64, 256)
	sameBytes(t, "codes", twice.Codes, once.Codes)
	nearlyEqual(t, decode(t, twice), decode(t, once), 0.03)
}

func nearlyEqual(t *testing.T, got, want []float32, relative float64) {
	t.Helper()
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > relative*math.Abs(float64(want[i]))+1e-30 {
			t.Fatalf("[%d] is %v, want %v", i, got[i], want[i])
		}
	}
}

// TestEveryCode: the value of each code is encoded as that code, and every float32 between two values as the nearer one.
func TestEveryCode(t *testing.T) {
	for _, c := range []struct {
		name string
		q    quant.Tensor
	}{
		{"fp8", quant.Tensor{Format: quant.FP8, N: 1, K: 256, Scales: []float32{1}}},
		{"nf4", quant.Tensor{Format: quant.NF4, N: 1, K: 64, Block: 64, Scales: []float32{1}, HighFirst: true}},
		{"nvfp4", quant.Tensor{Format: quant.NVFP4, N: 28, K: 16, Block: 16, Scales2: []float32{1}}},
		{"int8", quant.Tensor{Format: quant.INT8, N: 1, K: 256, Block: 256, Scales: []float32{-0.5}}},
		{"int4", quant.Tensor{Format: quant.INT4, N: 1, K: 16, Block: 16, Scales: []float32{-0.5}}},
	} {
		t.Run(c.name, func(t *testing.T) { everyCode(t, c.q) })
	}
	t.Run("bf16", everyBF16)
}

func everyCode(t *testing.T, q quant.Tensor) {
	size := map[quant.Format]int{quant.FP8: 256, quant.NF4: 32, quant.NVFP4: 28 * 8, quant.INT8: 256, quant.INT4: 8}[q.Format]
	for i := range size {
		switch {
		case q.Format == quant.FP8 && i&127 == 127:
			q.Codes = append(q.Codes, byte(i-1))
		case q.Format == quant.FP8 || q.Format == quant.INT8:
			q.Codes = append(q.Codes, byte(i))
		default:
			q.Codes = append(q.Codes, byte(i%8*2|(i%8*2+1)<<4)) // 0 to 15
		}
	}
	if q.Format == quant.NVFP4 {
		for row := range q.N { // from 2⁻⁵ to 448, so that 448·6 gives the global scale 1
			q.ScaleCodes = append(q.ScaleCodes, byte(126-row*4))
		}
	}
	values := decode(t, &q)
	v := variant{f: q.Format, o: quant.Options{Block: q.Block}}
	again := encoded(t, v, values, q.N, q.K)
	sameBytes(t, "scale codes", again.ScaleCodes, q.ScaleCodes)
	got := decode(t, again)
	equal(t, "values", got, values)
	for i := range q.Codes {
		if q.Format != quant.NVFP4 && again.Codes[i] != q.Codes[i] {
			t.Errorf("code %d became %d", q.Codes[i], again.Codes[i])
		}
	}
}

// TestIntegersAtTies are blocks whose codes ONNX Runtime 1.32 made: −m is the maximum where m is there too, and a half is rounded
// up once the zero point is added, to which what is just below a half may have been rounded before.
func TestIntegersAtTies(t *testing.T) {
	w := []float32{8, -8, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, math.Nextafter32(0.5, 0), -7.5, 7.5, 0, -0.25, 6.5, -6.5, 7}
	q := encoded(t, variant{f: quant.INT4, o: quant.Options{Block: 16}}, w, 1, len(w))
	sameBits(t, "INT4's scale", q.Scales, []float32{1})
	sameBytes(t, "INT4's codes", q.Codes, []byte{0x0f, 0x76, 0x98, 0xba, 0x19, 0x8f, 0xf8, 0xf2})
	for i, x := range w {
		w[i] = x * 16
	}
	q = encoded(t, variant{f: quant.INT8, o: quant.Options{Block: 16}}, w, 1, len(w))
	sameBits(t, "INT8's scale", q.Scales, []float32{1})
	sameBytes(t, "INT8's codes", q.Codes, []byte{255, 0, 88, 104, 120, 136, 152, 168, 136, 8, 248, 128, 124, 232, 24, 240})
}

// everyBF16 asks all 2¹⁶ codes but infinities and NaNs.
func everyBF16(t *testing.T) {
	var codes []byte
	for i := range 1 << 16 {
		if i&0x7f80 != 0x7f80 {
			codes = append(codes, byte(i), byte(i>>8))
		}
	}
	q := &quant.Tensor{Format: quant.BF16, N: 1, K: len(codes) / 2, Codes: codes}
	again := encoded(t, variant{f: quant.BF16}, decode(t, q), 1, q.K)
	sameBytes(t, "codes", again.Codes, codes)
}

// TestRowsAtATime: an encoder fed unequal bundles of rows makes what Encode makes.
func TestRowsAtATime(t *testing.T) {
	for _, k := range []int{64, 77, 5} {
		const n = 29
		w := weight(n, k, 9)
		forVariants(t, func(t *testing.T, v variant) {
			want := encoded(t, v, w, n, k)
			got := inPieces(t, v, w, n, k)
			sameBytes(t, "codes", got.Codes, want.Codes)
			sameBits(t, "scales", got.Scales, want.Scales)
			sameBits(t, "second scales", got.Scales2, want.Scales2)
			sameBytes(t, "coded scales", got.ScaleCodes, want.ScaleCodes)
			sameBytes(t, "zero points", got.ZeroPoints, want.ZeroPoints)
		})
	}
}

func inPieces(t *testing.T, v variant, w []float32, n, k int) *quant.Tensor {
	t.Helper()
	e, err := quant.NewEncoder("w", v.f, v.o, n, k)
	if err != nil {
		t.Fatal(err)
	}
	var codes []byte
	pieces := func(do func([]float32) error) {
		for at, size := 0, 1; at < n; at, size = at+size, size+2 {
			if err := do(w[at*k : min(at+size, n)*k]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if e.TwoPasses() {
		pieces(e.Observe)
	}
	pieces(func(rows []float32) (err error) { codes, err = e.Write(codes, rows); return err })
	q, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	q.Codes = codes
	return q
}

// TestPartsAreAsPlanned compares what Sizes says with what Encode makes.
func TestPartsAreAsPlanned(t *testing.T) {
	for _, shape := range [][2]int{{24, 64}, {13, 77}} {
		n, k := shape[0], shape[1]
		forVariants(t, func(t *testing.T, v variant) {
			plan, err := quant.Sizes(v.f, v.o, n, k)
			if err != nil {
				t.Fatal(err)
			}
			parts := encoded(t, v, weight(n, k, 2), n, k).Parts()
			if len(parts) != len(plan) {
				t.Fatalf("%d parts, planned %d", len(parts), len(plan))
			}
			for i, p := range parts {
				if fmt.Sprint(p.Suffix, p.Float, p.Dims) != fmt.Sprint(plan[i].Suffix, plan[i].Float, plan[i].Dims) || p.Bytes() != int64(len(p.Data)) {
					t.Errorf("part %+v has %d bytes, planned %+v", p.Dims, len(p.Data), plan[i])
				}
			}
		})
	}
}
