package quant

import "math"

const (
	nvBlock = 16
	e2m1Max = 6
	nvLeast = float32(1) / 512 // the least block scale, E4M3's smallest value: ModelOpt's clamp
)

var e2m1 = [16]float32{0, 0.5, 1, 1.5, 2, 3, 4, 6, float32(math.Copysign(0, -1)), -0.5, -1, -1.5, -2, -3, -4, -6}

// e2m1Codes is the code of a magnitude by its float32's exponent and two highest mantissa bits, twice: for a magnitude that
// has no further bits, and for one that has. Every tie between neighbours has such few bits.
var e2m1Codes = func() (t [2 << 10]uint8) {
	for i := range t {
		u := uint32(i) >> 1 << 21
		if i&1 == 1 {
			u++
		}
		t[i] = slowE2M1(math.Float32frombits(u & magnitude))
	}
	return t
}()

// slowE2M1 is the code nearest to the magnitude a, ties to the even code.
func slowE2M1(a float32) (code uint8) {
	for c := uint8(0); c < 7; c++ {
		tie := (e2m1[c] + e2m1[c+1]) / 2
		if a > tie || a == tie && c&1 == 1 {
			code = c + 1
		}
	}
	return code
}

// toE2M1 is the code of w under a scale: the nearest, saturating at ±6; the sign is set for w < 0 only.
func toE2M1(w, scale float32) byte {
	u := math.Float32bits(w/scale) & magnitude
	rest := (u&0x1fffff + 0x1fffff) >> 21
	sign := math.Float32bits(w) >> 28 & 8
	if w == 0 {
		sign = 0
	}
	return e2m1Codes[(u>>21<<1|rest)&(1<<11-1)] | byte(sign)
}

func (e *Encoder) rowNVFP4(dst []byte, w []float32, row int) error {
	global := e.t.Scales2[0]
	blocks := e.t.rowBlocks()
	for b := range blocks {
		from := b * nvBlock
		block := w[from:min(from+nvBlock, len(w))]
		m, err := e.absmax(block, row*e.t.K+from)
		if err != nil {
			return err
		}
		code := blockScale(m, global)
		e.t.ScaleCodes[row*blocks+b] = code
		packE2M1(dst[b*nvBlock/2:(b+1)*nvBlock/2], block, e4m3[code]*global)
	}
	return nil
}

// blockScale is the E4M3 code of max|block| / (6·global), at least 2⁻⁹; 1 for zeros.
func blockScale(m, global float32) byte {
	if m == 0 {
		return toE4M3(1)
	}
	return toE4M3(max(m/(e2m1Max*global), nvLeast))
}

func packE2M1(dst []byte, w []float32, scale float32) {
	if scale == 0 { // both factors are tiny: nothing in the block can be told from 0
		clear(dst)
		return
	}
	for i := range len(w) / 2 {
		dst[i] = toE2M1(w[2*i], scale) | toE2M1(w[2*i+1], scale)<<4
	}
	clear(dst[len(w)/2:])
	if n := len(w); n%2 == 1 {
		dst[n/2] = toE2M1(w[n-1], scale)
	}
}

func (t *Tensor) decodeNVFP4(dst []float32, row int) {
	blocks := t.rowBlocks()
	codes := t.Codes[row*blocks*nvBlock/2:]
	for b := range blocks {
		scale := e4m3[t.ScaleCodes[row*blocks+b]] * t.Scales2[0]
		for i := b * nvBlock; i < min((b+1)*nvBlock, t.K); i++ {
			dst[i] = e2m1[t.nibble(codes, i)] * scale
		}
	}
}
