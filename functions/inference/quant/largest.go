package quant

import (
	"encoding/binary"
	"math"
)

// Bound is a magnitude that no value of t is beyond, by its scales alone: t needs no codes.
func (t *Tensor) Bound() float64 {
	most := 0.0
	for _, s := range t.Scales {
		most = max(most, math.Abs(float64(s)))
	}
	switch t.Format {
	case BF16:
		return math.MaxFloat32
	case FP8:
		return most * e4m3Max
	case NF4:
		for b := range t.ScaleCodes {
			most = max(most, math.Abs(float64(t.absmaxOf(b))))
		}
		return most
	case NVFP4:
		for _, c := range t.ScaleCodes {
			most = max(most, math.Abs(float64(e4m3[c])))
		}
		return most * math.Abs(float64(t.Scales2[0])) * e2m1Max
	case INT8:
		return most * 255
	}
	return most * 15
}

// Largest is the largest magnitude of a value; t must have passed Check.
func (t *Tensor) Largest() (float32, error) {
	const each = 64
	most, rows := float32(0), make([]float32, min(t.N, each)*t.K)
	for from := 0; from < t.N; from += each {
		to := min(from+each, t.N)
		if err := t.DecodeRows(rows[:(to-from)*t.K], from, to); err != nil {
			return 0, err
		}
		for _, v := range rows[:(to-from)*t.K] {
			most = max(most, float32(math.Abs(float64(v))))
		}
	}
	return most, nil
}

// floatsOf is float32 of bytes, which need not be aligned.
func floatsOf(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}
