package quant

import "math"

const e4m3Max = 448

// e4m3 is the value of each E4M3FN code: no infinities, 127 and 255 are NaN.
var e4m3 = func() (t [256]float32) {
	for c := range t {
		exponent, mantissa := c>>3&15, c&7
		v := math.Ldexp(float64(mantissa), -9)
		if exponent > 0 {
			v = math.Ldexp(float64(8+mantissa), exponent-10)
		}
		if c&127 == 127 {
			v = math.NaN()
		}
		t[c] = float32(v)
		if c > 127 {
			t[c] = -t[c]
		}
	}
	return t
}()

// toE4M3 is the code nearest to v, ties to even, saturating at ±448; v is no NaN.
func toE4M3(v float32) byte {
	u := math.Float32bits(v)
	sign := byte(u >> 24 & 128)
	u &= magnitude
	switch {
	case u >= 0x43e00000: // 448
		return sign | 126
	case u < 0x3c800000: // 2⁻⁶: subnormal, in steps of 2⁻⁹, which is the last place of 2¹⁴
		const shift = float32(1 << 14)
		return sign | byte(math.Float32bits(math.Float32frombits(u)+shift)-math.Float32bits(shift))
	default:
		return sign | byte((u+0x7ffff+u>>20&1)>>20-120<<3)
	}
}

func (e *Encoder) rowFP8(dst []byte, w []float32, row int) error {
	m, err := e.absmax(w, row*e.t.K)
	if err != nil {
		return err
	}
	at := 0 // the tensor's scale, which all rows read
	if e.o.PerChannel {
		at = row
		e.t.Scales[at] = scaleOf(m, e4m3Max)
	}
	scale := e.t.Scales[at]
	for i, x := range w {
		dst[i] = toE4M3(x / scale)
	}
	return nil
}

func decodeFP8(dst []float32, codes []byte, scale float32) {
	for i, c := range codes[:len(dst)] {
		dst[i] = e4m3[c] * scale
	}
}
