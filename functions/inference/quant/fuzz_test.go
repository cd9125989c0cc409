package quant_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// FuzzCheck makes tensors of arbitrary fields: what Check lets pass decodes into numbers, and nothing panics.
func FuzzCheck(f *testing.F) {
	f.Add("nf4", 3, 21, 64, []byte{1, 2, 3}, []byte{0, 0, 128, 63}, []byte{}, []byte{}, []byte{}, false)
	f.Add("nvfp4", 2, 16, 16, make([]byte, 16), []byte{}, []byte{56, 56}, []byte{0, 0, 128, 63}, []byte{}, true)
	f.Add("int4", 1, 16, 16, make([]byte, 8), []byte{0, 0, 128, 63}, []byte{}, []byte{}, []byte{7}, false)
	f.Add("fp8", 1, 2, 0, []byte{126, 254}, []byte{0, 0, 128, 63}, []byte{}, []byte{}, []byte{}, false)
	f.Add("bf16", 1, 1, 0, []byte{128, 63}, []byte{}, []byte{}, []byte{}, []byte{}, false)
	f.Add("int8", math.MaxInt/32, 1, 4096, []byte{}, []byte{}, []byte{}, []byte{}, []byte{}, false)
	f.Fuzz(func(t *testing.T, format string, n, k, block int, codes, scales, scaleCodes, scales2, zeros []byte, high bool) {
		q := &quant.Tensor{
			Format: quant.Format(format), N: n, K: k, Block: block, Codes: codes, Scales: floats(scales), ScaleCodes: scaleCodes,
			Scales2: floats(scales2), ZeroPoints: zeros, HighFirst: high,
		}
		if q.Check("w") != nil {
			return
		}
		out := make([]float32, n*k)
		if err := q.Decode(out); err != nil {
			t.Fatal(err)
		}
		for i, v := range out {
			if v != v {
				t.Fatalf("value %d of a checked tensor is no number", i)
			}
		}
	})
}

func floats(raw []byte) []float32 {
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
}
