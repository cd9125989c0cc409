package quant_test

import (
	"math"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// vectors are the cases of one golden file.
type vectors struct {
	*golden.Case
	t *testing.T
}

// params are what the files say of a case, in the words of all of them.
type params struct {
	Shape     []int
	N, K      int
	BlockSize int    `json:"block_size"`
	Double    bool   `json:"double_quant"`
	Scale     string // "per_tensor" or "per_channel"
	Symmetric bool
}

func (p params) dims() (n, k int) {
	if p.Shape != nil {
		return p.Shape[0], p.Shape[1]
	}
	return p.N, p.K
}

func forCases(t *testing.T, file string, run func(t *testing.T, v vectors, name string, p params)) {
	c := golden.Open(t, file)
	var config struct{ Cases map[string]params }
	c.Config(&config)
	if len(config.Cases) == 0 {
		t.Fatal("the file has no cases")
	}
	for name, p := range config.Cases {
		t.Run(name, func(t *testing.T) { run(t, vectors{c, t}, name, p) })
	}
}

func (v vectors) floats(name string) []float32 {
	v.t.Helper()
	values, err := v.Float32(name)
	if err != nil {
		v.t.Fatal(err)
	}
	return values
}

func (v vectors) bytes(name string) []byte {
	v.t.Helper()
	raw, err := v.Raw(name)
	if err != nil {
		v.t.Fatal(err)
	}
	return raw
}

// sameBits also holds signs of zero apart.
func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s[%d] is %v (%08x), want %v (%08x)", what, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

func sameBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d bytes, want %d", what, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s[%d] is %d, want %d", what, i, got[i], want[i])
		}
	}
}

func encode(t *testing.T, v vectors, name string, f quant.Format, o quant.Options, p params) *quant.Tensor {
	t.Helper()
	n, k := p.dims()
	q, err := quant.Encode(name, f, o, v.floats("w."+name), n, k)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Check(name); err != nil {
		t.Fatal(err)
	}
	return q
}

func decode(t *testing.T, q *quant.Tensor) []float32 {
	t.Helper()
	out := make([]float32, q.N*q.K)
	if err := q.Decode(out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestGoldenFP8(t *testing.T) {
	forCases(t, "quant_fp8", func(t *testing.T, v vectors, name string, p params) {
		q := encode(t, v, name, quant.FP8, quant.Options{PerChannel: p.Scale == "per_channel"}, p)
		sameBits(t, "scale", q.Scales, v.floats("out."+name+".scale"))
		sameBytes(t, "codes", q.Codes, v.bytes("out."+name+".codes"))
		sameBits(t, "dequantized", decode(t, q), v.floats("out."+name+".dequantized"))
	})
}

// TestGoldenCast reads the casts of the file as one row under a scale of one.
func TestGoldenCast(t *testing.T) {
	v := vectors{golden.Open(t, "quant_fp8"), t}
	in := v.floats("in.cast")
	for i := range in {
		in[i] = max(-448, min(448, in[i]))
	}
	in = append(in, 448)
	q, err := quant.Encode("cast", quant.FP8, quant.Options{}, in, 1, len(in))
	if err != nil {
		t.Fatal(err)
	}
	last := len(in) - 1
	sameBytes(t, "codes", q.Codes[:last], v.bytes("out.cast.codes"))
	sameBits(t, "values", decode(t, q)[:last], v.floats("out.cast.values"))
}

func TestGoldenNF4(t *testing.T) {
	forCases(t, "quant_nf4", func(t *testing.T, v vectors, name string, p params) {
		q := encode(t, v, name, quant.NF4, quant.Options{Block: p.BlockSize, Double: p.Double}, p)
		sameBytes(t, "codes", q.Codes, v.bytes("out."+name+".codes"))
		if p.Double {
			nested(t, v, name, q)
		} else {
			sameBits(t, "absmax", q.Scales, v.floats("out."+name+".absmax"))
		}
		sameBits(t, "dequantized", decode(t, q), v.floats("out."+name+".dequantized"))
	})
}

func nested(t *testing.T, v vectors, name string, q *quant.Tensor) {
	t.Helper()
	n := "out." + name + ".nested."
	sameBits(t, "nested.code", q.Table, v.floats(n+"code"))
	sameBits(t, "nested.offset", []float32{q.Offset}, v.floats(n+"offset"))
	sameBits(t, "nested.absmax", q.Scales2, v.floats(n+"absmax"))
	sameBytes(t, "nested.codes", q.ScaleCodes, v.bytes(n+"codes"))
}

func TestGoldenNVFP4(t *testing.T) {
	forCases(t, "quant_nvfp4", func(t *testing.T, v vectors, name string, p params) {
		q := encode(t, v, name, quant.NVFP4, quant.Options{}, p)
		sameBits(t, "global scale", q.Scales2, v.floats("out."+name+".global_scale"))
		sameBytes(t, "block scales", q.ScaleCodes, v.bytes("out."+name+".block_scale_codes"))
		sameBytes(t, "codes", q.Codes, v.bytes("out."+name+".packed_low_first"))
		want := v.floats("out." + name + ".dequantized")
		equal(t, "dequantized", decode(t, q), want)
		q.Codes, q.HighFirst = v.bytes("out."+name+".packed_high_first"), true
		equal(t, "dequantized, high nibble first", decode(t, q), want)
	})
}

// equal takes −0 for 0.
func equal(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s[%d] is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestGoldenINT8(t *testing.T) { goldenInt(t, "quant_int8", quant.INT8) }
func TestGoldenINT4(t *testing.T) { goldenInt(t, "quant_int4", quant.INT4) }

func goldenInt(t *testing.T, file string, f quant.Format) {
	forCases(t, file, func(t *testing.T, v vectors, name string, p params) {
		q := encode(t, v, name, f, quant.Options{Block: p.BlockSize, Asymmetric: !p.Symmetric}, p)
		sameBits(t, "scales", q.Scales, v.floats("out."+name+".scales"))
		if !p.Symmetric {
			sameZeros(t, q, v.bytes("out."+name+".zero_points"))
		}
		want := v.floats("out." + name + ".dequantized")
		sameBits(t, "dequantized, own codes", decode(t, q), want)
		q.Codes = v.bytes("out." + name + ".codes")
		sameBits(t, "dequantized, the file's codes", decode(t, q), want)
	})
}

// sameZeros leaves out the padding of an odd number of blocks.
func sameZeros(t *testing.T, q *quant.Tensor, want []byte) {
	t.Helper()
	if blocks := (q.K + q.Block - 1) / q.Block; q.Format == quant.INT4 && blocks%2 == 1 {
		for i, last := range want {
			if i%(blocks/2+1) == blocks/2 {
				want[i] = last&15 | q.ZeroPoints[i]&240
			}
		}
	}
	sameBytes(t, "zero points", q.ZeroPoints, want)
}

// TestGoldenTables asks every code of the tables in the files, through a weight made of codes.
func TestGoldenTables(t *testing.T) {
	fp8 := vectors{golden.Open(t, "quant_fp8"), t}
	codes := make([]byte, 256)
	for i := range codes {
		codes[i] = byte(i)
	}
	q := &quant.Tensor{Format: quant.FP8, N: 1, K: 256, Codes: codes, Scales: []float32{1}}
	got, want := decode(t, q), fp8.floats("out.table")
	for _, c := range []int{127, 255} {
		if got[c] == got[c] || want[c] == want[c] {
			t.Errorf("code %d is %v, want NaN", c, got[c])
		}
		got[c], want[c] = 0, 0
	}
	sameBits(t, "E4M3", got, want)

	sixteen := []byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef} // high nibble first
	n4 := &quant.Tensor{Format: quant.NF4, N: 1, K: 16, Block: 64, Codes: sixteen, Scales: []float32{1}, HighFirst: true}
	sameBits(t, "NF4", decode(t, n4), vectors{golden.Open(t, "quant_nf4"), t}.floats("out.table"))
	nv := &quant.Tensor{Format: quant.NVFP4, N: 1, K: 16, Block: 16, Codes: sixteen, ScaleCodes: []byte{0x38}, Scales2: []float32{1}, HighFirst: true}
	sameBits(t, "E2M1", decode(t, nv), vectors{golden.Open(t, "quant_nvfp4"), t}.floats("out.table"))
}
