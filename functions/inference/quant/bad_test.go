package quant_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// complains asks for one sentence that names the tensor and says what is wrong.
func complains(t *testing.T, err error, words ...string) {
	t.Helper()
	if !errors.Is(err, errdefs.ErrInvalidArgument) {
		t.Fatalf("error %v is no invalid argument", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has more than one line", err)
	}
}

func TestNotFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		forVariants(t, func(t *testing.T, v variant) {
			w := weight(3, 70, 1)
			w[2*70+68] = float32(bad)
			_, err := quant.Encode("blocks.0.ffn.weight", v.f, v.o, w, 3, 70)
			complains(t, err, "blocks.0.ffn.weight", "[2, 68]")
		})
	}
}

func TestZerosAndTheSmallest(t *testing.T) {
	for _, value := range []float32{0, math.SmallestNonzeroFloat32, 1e-40, 1e-38, math.MaxFloat32} {
		forVariants(t, func(t *testing.T, v variant) {
			w := make([]float32, 2*33)
			for i := range w {
				w[i] = value
			}
			for _, got := range decode(t, encoded(t, v, w, 2, 33)) {
				if math.IsNaN(float64(got)) || value == 0 && got != 0 || math.Abs(float64(got)) > 1.1*float64(value)+1e-37 {
					t.Fatalf("%v became %v", value, got)
				}
			}
		})
	}
}

func TestUnknown(t *testing.T) {
	_, err := quant.ParseFormat("q4_k_m")
	complains(t, err, "q4_k_m", "nvfp4")
	_, err = quant.Encode("w", "q4_k_m", quant.Options{}, nil, 1, 1)
	complains(t, err, "tensor w", "q4_k_m")
	_, err = quant.Encode("w", quant.INT8, quant.Options{Block: 48}, nil, 1, 1)
	complains(t, err, "tensor w", "48")
	_, err = quant.Encode("w", quant.INT8, quant.Options{}, nil, 0, 8)
	complains(t, err, "tensor w", "[0, 8]")
	_, err = quant.Encode("w", quant.INT8, quant.Options{}, make([]float32, 7), 1, 8)
	complains(t, err, "tensor w", "7 values")
}

// TestDamaged breaks a good tensor in each way that a checkpoint can be broken.
func TestDamaged(t *testing.T) {
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		v     string
		spoil func(*quant.Tensor)
		say   string
	}{
		"unknown format":      {"fp8", func(q *quant.Tensor) { q.Format = "fp6" }, "fp6"},
		"no scales":           {"fp8", func(q *quant.Tensor) { q.Scales = nil }, "lacks its scales"},
		"no scales int":       {"int8", func(q *quant.Tensor) { q.Scales = nil }, "lacks its scales"},
		"no block scales":     {"nvfp4", func(q *quant.Tensor) { q.ScaleCodes = nil }, "lacks its coded scales"},
		"no global scale":     {"nvfp4", func(q *quant.Tensor) { q.Scales2 = nil }, "lacks its second-level scales"},
		"no nested table":     {"nf4 double", func(q *quant.Tensor) { q.Table = nil }, "lacks its scale table"},
		"short codes":         {"nf4", func(q *quant.Tensor) { q.Codes = q.Codes[1:] }, "codes"},
		"short scales":        {"nf4", func(q *quant.Tensor) { q.Scales = q.Scales[1:] }, "scales"},
		"zero points":         {"int4 asymmetric", func(q *quant.Tensor) { q.ZeroPoints = q.ZeroPoints[1:] }, "zero points"},
		"scale of zero":       {"fp8 per channel", func(q *quant.Tensor) { q.Scales[4] = 0 }, "scale of zero at 4"},
		"global of zero":      {"nvfp4", func(q *quant.Tensor) { q.Scales2[0] = 0 }, "second-level scale 0 at 0; it must be finite and above zero"},
		"block of zero":       {"nvfp4", func(q *quant.Tensor) { q.ScaleCodes[1] = 0 }, "scale of zero"},
		"block of zero int8":  {"int8", func(q *quant.Tensor) { q.Scales[1] = 0 }, "scale of zero"},
		"scale NaN":           {"int8", func(q *quant.Tensor) { q.Scales[1] = nan }, "NaN"},
		"block scale NaN":     {"nvfp4", func(q *quant.Tensor) { q.ScaleCodes[0] = 127 }, "not a number"},
		"global overflows":    {"nvfp4", func(q *quant.Tensor) { q.Scales2[0] = math.MaxFloat32 }, "product"},
		"nested overflows":    {"nf4 double", func(q *quant.Tensor) { q.Scales2[0], q.Table[q.ScaleCodes[0]] = math.MaxFloat32, 9 }, "product"},
		"offset infinite":     {"nf4 double", func(q *quant.Tensor) { q.Offset = float32(math.Inf(1)) }, "finite"},
		"scale below zero":    {"fp8", func(q *quant.Tensor) { q.Scales[0] = -0.5 }, "scale -0.5 at 0; scales of fp8 are never below zero"},
		"absmax below zero":   {"nf4", func(q *quant.Tensor) { q.Scales[3] = -1 }, "scale -1 at 3"},
		"absmax of zero":      {"nf4", func(q *quant.Tensor) { q.Scales[10] = 0 }, "scale of zero at 10 over codes that differ"},
		"nested below zero":   {"nf4 double", func(q *quant.Tensor) { q.Scales2[0] = -1 }, "second-level scale -1 at 0; it is never below zero"},
		"block below zero":    {"nvfp4", func(q *quant.Tensor) { q.ScaleCodes[7] |= 128 }, "block scale below zero in row 1"},
		"global below zero":   {"nvfp4", func(q *quant.Tensor) { q.Scales2[0] *= -1 }, "above zero"},
		"fp8 overflows":       {"fp8 per channel", func(q *quant.Tensor) { q.Scales[2] = 1e36; q.Codes[2*77] = 126 }, "its scale makes infinite in row 2"},
		"int8 overflows":      {"int8", func(q *quant.Tensor) { q.Scales[3] = 3e38; q.Codes[96] = 255 }, "its scale makes infinite in row 1"},
		"nvfp4 overflows":     {"nvfp4", func(q *quant.Tensor) { q.Scales2[0] = 7e35; q.ScaleCodes[0] = 126; q.Codes[0] = 7 }, "its scale makes infinite in row 0"},
		"block NaN, negative": {"nvfp4", func(q *quant.Tensor) { q.ScaleCodes[0] = 255 }, "not a number"},
		"weight NaN":          {"bf16", func(q *quant.Tensor) { q.Codes[6], q.Codes[7] = 0xc1, 0xff }, "not finite"},
		"code NaN":            {"fp8", func(q *quant.Tensor) { q.Codes[9] = 255 }, "row 0"},
		"weight infinite":     {"bf16", func(q *quant.Tensor) { q.Codes[6], q.Codes[7] = 0x80, 0x7f }, "not finite"},
		"block size":          {"nvfp4", func(q *quant.Tensor) { q.Block = 32 }, "32"},
		"shape":               {"bf16", func(q *quant.Tensor) { q.N = 0 }, "[0, 77]"},
	} {
		t.Run(name, func(t *testing.T) {
			q := encoded(t, variants[c.v], weight(9, 77, 5), 9, 77)
			c.spoil(q)
			complains(t, q.Check("blocks.1.to_q.weight"), "blocks.1.to_q.weight", c.say)
		})
	}
}

// TestZerosOfOtherVersions: of a block of zeros all codes are one, whichever.
func TestZerosOfOtherVersions(t *testing.T) {
	q := encoded(t, variants["nf4"], weight(9, 77, 5), 9, 77)
	q.Scales[0] = 0
	for i := range 32 {
		q.Codes[i] = 0xff
	}
	if err := q.Check("w"); err != nil {
		t.Error(err)
	}
}

// TestOutOfOrder: an encoder says when rows are missing or too many.
func TestOutOfOrder(t *testing.T) {
	e, err := quant.NewEncoder("w", quant.NVFP4, quant.Options{}, 4, 16)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Write(nil, make([]float32, 16))
	complains(t, err, "observed up to row 0 of 4")
	complains(t, e.Observe(make([]float32, 5*16)), "80 values")
	if err := e.Observe(make([]float32, 4*16)); err != nil {
		t.Fatal(err)
	}
	if _, err = e.Write(nil, make([]float32, 3*16)); err != nil {
		t.Fatal(err)
	}
	_, err = e.Finish()
	complains(t, err, "row 3 of 4")
}

// TestLargeButFinite: scales of which some code would be infinite are taken where no code is.
func TestLargeButFinite(t *testing.T) {
	fp8 := &quant.Tensor{Format: quant.FP8, N: 1, K: 3, Codes: []byte{1, 56, 0x80}, Scales: []float32{3e38}}
	tiny := &quant.Tensor{Format: quant.FP8, N: 1, K: 3, Codes: []byte{1, 126, 0x80}, Scales: []float32{1e-42}}
	for _, q := range []*quant.Tensor{fp8, tiny} {
		if err := q.Check("w"); err != nil {
			t.Error(err)
		}
	}
}
