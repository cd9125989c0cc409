package quant_test

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// TestNestedMaxima holds double quantization to bitsandbytes bit for bit: its mean, its steps and its inverse, which may overflow.
func TestNestedMaxima(t *testing.T) {
	v := vectors{golden.OpenFile(t, "testdata/nested.safetensors"), t}
	cases := v.List("in.")
	if len(cases) == 0 {
		t.Fatal("the file has no cases")
	}
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			v := vectors{v.Case, t}
			maxima := v.floats("in." + name)
			w := make([]float32, 64*len(maxima))
			for i, m := range maxima {
				w[64*i] = m
			}
			q, err := quant.Encode(name, quant.NF4, quant.Options{Double: true}, w, len(maxima), 64)
			if err != nil {
				t.Fatal(err)
			}
			sameBits(t, "offset", []float32{q.Offset}, v.floats("out."+name+".offset"))
			sameBits(t, "absmax", q.Scales2, v.floats("out."+name+".absmax"))
			sameBytes(t, "codes", q.ScaleCodes, v.bytes("out."+name+".codes"))
		})
	}
}
