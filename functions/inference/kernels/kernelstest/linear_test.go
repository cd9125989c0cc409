package kernelstest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

const (
	isaEnv  = "VIDEOSDGX_KERNELS_ISA"
	exact   = 1e-5 // of the largest result: sums in float32
	dynamic = 2e-2 // groups of x quantized to 8 bits; see bound for any x
)

var isas = []string{"generic", "avx2", "avxvnni", "avx512", "avx512vnni", "amx", "amxsoft", "neon", "neondot"}

// forISAs runs a test on every instruction set that this machine has.
func forISAs(t *testing.T, run func(t *testing.T)) {
	for _, isa := range available(t) {
		t.Setenv(isaEnv, isa)
		t.Run(isa, run)
	}
}

var found []string // by available, once

// available asks the library for each instruction set.
func available(t *testing.T) []string {
	t.Helper()
	Library(t)
	if found != nil {
		return found
	}
	for _, isa := range isas {
		t.Setenv(isaEnv, isa)
		s, err := open(t, quantized(t, "fp8", weight(1, 16), 1, 16), nil, false)
		switch {
		case err == nil:
			found = append(found, isa)
			s.Close()
		case !strings.Contains(err.Error(), isaEnv):
			t.Fatal(err)
		default:
			t.Logf("%s: not on this machine", isa)
		}
	}
	if len(found) < 2 {
		t.Fatalf("found %v; the generic and one other are on every machine", found)
	}
	return found
}

func open(t *testing.T, q *quant.Tensor, bias []float32, dyn bool) (engine.Session, error) {
	t.Helper()
	e, err := ort.Load()
	if err != nil {
		t.Fatal(err)
	}
	return e.Open(context.Background(), Graph(t, q, bias, dyn), engine.Options{})
}

// multiply runs the operator.
func multiply(t *testing.T, q *quant.Tensor, x, bias []float32, dyn bool) []float32 {
	t.Helper()
	s, err := open(t, q, bias, dyn)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), engine.Values{"x": engine.Floats(x, int64(len(x)/q.K), int64(q.K))})
	if err != nil {
		t.Fatal(err)
	}
	return out.Float32("y")
}

// product is the same in float64 from the decoded weight.
func product(t *testing.T, q *quant.Tensor, x, bias []float32) []float32 {
	t.Helper()
	w := make([]float32, q.N*q.K)
	if err := q.Decode(w); err != nil {
		t.Fatal(err)
	}
	y := make([]float32, len(x)/q.K*q.N)
	for i := range y {
		m, n := i/q.N, i%q.N
		sum := 0.0
		for k := range q.K {
			sum += float64(x[m*q.K+k]) * float64(w[n*q.K+k])
		}
		if bias != nil {
			sum += float64(bias[n])
		}
		y[i] = float32(sum)
	}
	return y
}

func weight(n, k int) []float32 {
	r := rand.New(rand.NewPCG(uint64(n), uint64(k)))
	w := make([]float32, n*k)
	for i := range w {
		w[i] = float32(r.NormFloat64())
	}
	return w
}

// variants are formats with options; those after a slash may quantize x.
var variants = map[string]struct {
	f quant.Format
	o quant.Options
}{
	"bf16": {quant.BF16, quant.Options{}}, "fp8": {quant.FP8, quant.Options{}}, "fp8 per channel": {quant.FP8, quant.Options{PerChannel: true}},
	"nf4": {quant.NF4, quant.Options{}}, "nf4 double": {quant.NF4, quant.Options{Double: true, Block: 128}}, "nvfp4": {quant.NVFP4, quant.Options{}},
	"int8": {quant.INT8, quant.Options{}}, "int8 asymmetric": {quant.INT8, quant.Options{Asymmetric: true, Block: 128}},
	"int8 long blocks": {quant.INT8, quant.Options{Block: 1024}},
	"int4":             {quant.INT4, quant.Options{}}, "int4 asymmetric": {quant.INT4, quant.Options{Asymmetric: true, Block: 16}},
}

func quantized(t *testing.T, variant string, w []float32, n, k int) *quant.Tensor {
	t.Helper()
	v := variants[variant]
	q, err := quant.Encode("w", v.f, v.o, w, n, k)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestEveryFormat crosses the borders of what kernels cut products into: panels of rows, tiles of columns, blocks, depths.
func TestEveryFormat(t *testing.T) {
	shapes := [][3]int{{1, 1, 16}, {1, 50, 300}, {3, 7, 33}, {16, 48, 256}, {17, 49, 257}, {64, 6, 640}, {65, 97, 1100}, {300, 13, 80}, {520, 50, 64}, {3, 5, 17}, {63, 9, 95}, {127, 47, 1041}, {385, 66, 300}, {131, 67, 130}, {140, 5, 7700}}
	forISAs(t, func(t *testing.T) {
		for name, v := range variants {
			for _, s := range shapes {
				m, n, k := s[0], s[1], s[2]
				q, x, bias := quantized(t, name, weight(n, k), n, k), weight(m, k), weight(n, 1)
				if m%2 == 0 {
					bias = nil
				}
				want := product(t, q, x, bias)
				near(t, fmt.Sprintf("%s %v", name, s), multiply(t, q, x, bias, false), want, exact)
				if v.f == quant.INT8 || v.f == quant.INT4 {
					near(t, fmt.Sprintf("%s %v dynamic", name, s), multiply(t, q, x, bias, true), want, dynamic)
				}
			}
		}
	})
}

// near is golden.Near without a line for each success.
func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	worst, scale := 0.0, 0.0
	for i := range want {
		scale = max(scale, math.Abs(float64(want[i])))
		worst = max(worst, math.Abs(float64(got[i])-float64(want[i])))
	}
	if len(got) != len(want) || !(worst <= tolerance*scale) {
		t.Errorf("%s: off by %.3g of the largest, allowed %g (%d values, want %d)", what, worst/scale, tolerance, len(got), len(want))
	}
}

// TestEveryCode multiplies the unit matrix by weights that have every code of their format, which shows each of them.
func TestEveryCode(t *testing.T) {
	codes := make([]byte, 256)
	for i := range codes {
		codes[i] = byte(i)
	}
	fp8 := append([]byte(nil), codes...)
	fp8[127], fp8[255] = 0, 0 // NaN
	scales := make([]byte, 32)
	for i := range scales {
		scales[i] = byte(i*4 + 1)
	}
	var bf16 []byte
	for i := range 1 << 16 {
		if i&0x7f80 != 0x7f80 && i&0x7f80 != 0 { // finite, and no subnormals
			bf16 = append(bf16, byte(i), byte(i>>8))
		}
	}
	for name, q := range map[string]*quant.Tensor{
		"fp8":              {Format: quant.FP8, N: 1, K: 256, Codes: fp8, Scales: []float32{0.75}},
		"nf4":              {Format: quant.NF4, N: 2, K: 256, Block: 64, Codes: codes, Scales: []float32{1, 2, 3, 4, 5, 6, 7, 8}, HighFirst: true},
		"nf4 low first":    {Format: quant.NF4, N: 2, K: 256, Block: 64, Codes: codes, Scales: []float32{1, 2, 3, 4, 5, 6, 7, 8}},
		"nvfp4":            {Format: quant.NVFP4, N: 2, K: 256, Block: 16, Codes: codes, ScaleCodes: scales, Scales2: []float32{0.3}},
		"nvfp4 high first": {Format: quant.NVFP4, N: 2, K: 256, Block: 16, Codes: codes, ScaleCodes: scales, Scales2: []float32{0.3}, HighFirst: true},
		"int8":             {Format: quant.INT8, N: 1, K: 256, Block: 64, Codes: codes, Scales: []float32{1, -2, 3, 0.5}},
		"int8 zero points": {Format: quant.INT8, N: 1, K: 256, Block: 64, Codes: codes, Scales: []float32{1, -2, 3, 0.5}, ZeroPoints: []byte{0, 255, 7, 128}},
		"int4":             {Format: quant.INT4, N: 2, K: 256, Block: 64, Codes: codes, Scales: []float32{1, -2, 3, 0.5, 1, 2, 3, 4}, ZeroPoints: []byte{0xf0, 0x37, 0x88, 0x1}},
		"bf16":             {Format: quant.BF16, N: len(bf16) / 1024, K: 512, Codes: bf16},
	} {
		t.Run(name, func(t *testing.T) {
			if err := q.Check(name); err != nil {
				t.Fatal(err)
			}
			x := make([]float32, q.K*q.K)
			for i := range q.K {
				x[i*q.K+i] = 1
			}
			want := make([]float32, q.N*q.K)
			if err := q.Decode(want); err != nil {
				t.Fatal(err)
			}
			forISAs(t, func(t *testing.T) {
				for i, y := range multiply(t, q, x, nil, false) {
					k, n := i/q.N, i%q.N
					if w := want[n*q.K+k]; math.Abs(float64(y-w)) > 2e-7*math.Abs(float64(w)) {
						t.Fatalf("W[%d, %d] is %v, want %v", n, k, y, w)
					}
				}
			})
		})
	}
}

// TestGolden multiplies by the codes of the reference files.
func TestGolden(t *testing.T) {
	forISAs(t, func(t *testing.T) {
		for _, f := range []quant.Format{quant.FP8, quant.NF4, quant.NVFP4, quant.INT8, quant.INT4} {
			c := golden.Open(t, "quant_"+string(f))
			var config struct {
				Cases map[string]struct {
					BlockSize int `json:"block_size"`
					Offset    float32
				}
			}
			c.Config(&config)
			for name, p := range config.Cases {
				if _, err := c.Info("out." + name + ".y"); err != nil {
					continue // denormal and edge have none
				}
				q := goldenTensor(c, f, name, p.BlockSize)
				if err := q.Check(name); err != nil {
					t.Fatal(err)
				}
				x, _ := c.Tensor("in." + name + ".x")
				y, _ := c.Tensor("out." + name + ".y")
				near(t, name, multiply(t, q, x, nil, false), y, exact)
				if f == quant.INT8 || f == quant.INT4 {
					near(t, name+" dynamic", multiply(t, q, x, nil, true), y, dynamic)
				}
			}
		}
	})
}

// goldenTensor takes what the file has of a case.
func goldenTensor(c *golden.Case, f quant.Format, name string, block int) *quant.Tensor {
	floats := func(n string) []float32 { v, _ := c.Float32("out." + name + "." + n); return v }
	raw := func(n string) []byte { v, _ := c.Raw("out." + name + "." + n); return v }
	info, _ := c.Info("w." + name)
	q := &quant.Tensor{Format: f, N: int(info.Shape[0]), K: int(info.Shape[1]), Block: block, Codes: raw("codes")}
	switch f {
	case quant.FP8:
		q.Block, q.Scales = 0, floats("scale")
	case quant.NF4:
		q.HighFirst = true
		if q.ScaleCodes = raw("nested.codes"); q.ScaleCodes == nil {
			q.Scales = floats("absmax")
		} else {
			q.Scales2, q.Table, q.Offset = floats("nested.absmax"), floats("nested.code"), floats("nested.offset")[0]
		}
	case quant.NVFP4:
		q.Block, q.Codes, q.ScaleCodes, q.Scales2 = 16, raw("packed_low_first"), raw("block_scale_codes"), floats("global_scale")
	default:
		q.Scales, q.ZeroPoints = floats("scales"), raw("zero_points")
	}
	return q
}

// TestRefused: a node that cannot be right is refused in one sentence with its name.
func TestRefused(t *testing.T) {
	Library(t)
	for name, c := range map[string]struct {
		variant string
		spoil   func(*quant.Tensor)
		say     string
	}{
		"format":      {"fp8", func(q *quant.Tensor) { q.Format = "fp6" }, "fp6"},
		"no scales":   {"fp8", func(q *quant.Tensor) { q.Scales = nil }, "lacks its scales"},
		"few codes":   {"bf16", func(q *quant.Tensor) { q.N++ }, "codes"},
		"block":       {"int8", func(q *quant.Tensor) { q.Block = 24 }, "blocks of 24"},
		"zero points": {"int4 asymmetric", func(q *quant.Tensor) { q.ZeroPoints = q.ZeroPoints[1:] }, "zero_points"},
	} {
		t.Run(name, func(t *testing.T) {
			q := quantized(t, c.variant, weight(9, 64), 9, 64)
			c.spoil(q)
			s, err := open(t, q, nil, false)
			if err == nil {
				s.Close()
				t.Fatal("was opened")
			}
			for _, w := range []string{"QuantLinear", c.say} {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
		})
	}
}

// TestNotANumber: what is not finite in x stays visible in its row, and there only.
func TestNotANumber(t *testing.T) {
	Library(t)
	for _, dyn := range []bool{false, true} {
		q, x := quantized(t, "int8", weight(5, 64), 5, 64), weight(3, 64)
		x[64+9] = float32(math.NaN())
		for i, y := range multiply(t, q, x, nil, dyn) {
			if (i/5 == 1) != math.IsNaN(float64(y)) {
				t.Errorf("dynamic %v: row %d has %v", dyn, i/5, y)
			}
		}
	}
}
