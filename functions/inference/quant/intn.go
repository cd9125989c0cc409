package quant

import "math"

// rowInt encodes blocks as ONNX Runtime's MatMulNBits quantizers do: scale and zero point of a block, then
// code = round(w·(1/scale) + zero), where product and sum are rounded to float32 each, halves away from zero.
func (e *Encoder) rowInt(dst []byte, w []float32, row int) error {
	t := e.t
	blocks, size := t.rowBlocks(), t.Block*t.Format.bits()/8
	for b := range blocks {
		from := b * t.Block
		block := w[from:min(from+t.Block, len(w))]
		scale, zero, err := e.scaleInt(block, row*t.K+from)
		if err != nil {
			return err
		}
		t.Scales[row*blocks+b] = scale
		if e.o.Asymmetric {
			t.setZero(row, b, zero)
		}
		e.packInt(dst[b*size:(b+1)*size], block, scale, zero)
	}
	if e.o.Asymmetric && t.Format == INT4 && blocks%2 == 1 {
		t.setZero(row, blocks, 8) // what the padding of ONNX Runtime's own quantizer holds
	}
	return nil
}

func (e *Encoder) scaleInt(w []float32, first int) (scale float32, zero int32, err error) {
	m, err := e.absmax(w, first)
	if err != nil {
		return 0, 0, err
	}
	half := int32(1) << (e.t.Format.bits() - 1)
	if !e.o.Asymmetric {
		return withMagnitude(w, m) / -float32(half), half, nil
	}
	lo, hi := float32(0), float32(0)
	for _, x := range w {
		lo, hi = min(lo, x), max(hi, x)
	}
	top := 2*half - 1
	if scale = (hi - lo) / float32(top); scale == 0 || math.IsInf(float64(scale), 0) {
		scale = hi/float32(top) - lo/float32(top) // the difference of huge values overflows
	}
	if scale == 0 {
		return 0, 0, nil
	}
	return scale, min(max(roundAway(-lo/scale), 0), top), nil
}

// withMagnitude is the value of the magnitude m with its sign: −m where w holds both, as ONNX Runtime has it; of zeros the first.
func withMagnitude(w []float32, m float32) float32 {
	for _, x := range w {
		if x == -m {
			return x
		}
	}
	return m
}

// roundAway rounds to the nearest integer, halves away from zero; |v| is far below 2²³. The number added is the largest
// below ½, so that what is just below a half stays below.
func roundAway(v float32) int32 {
	const belowHalf = 0x3effffff
	return int32(v + math.Float32frombits(belowHalf|math.Float32bits(v)&^magnitude))
}

// intCoder makes codes of one block: round(w·inverse + zero), within [0, top].
type intCoder struct {
	inverse, zero float32
	top           int32
}

func (e *Encoder) coder(scale float32, zero int32) intCoder {
	c := intCoder{zero: float32(zero), top: 1<<e.t.Format.bits() - 1}
	if scale != 0 {
		c.inverse = max(-math.MaxFloat32, min(math.MaxFloat32, 1/scale)) // of a subnormal scale it would be infinite
	}
	return c
}

func (c *intCoder) code(w float32) byte {
	return byte(min(max(roundAway(float32(w*c.inverse)+c.zero), 0), c.top))
}

// packInt fills what lies beyond the end of w with the zero point.
func (e *Encoder) packInt(dst []byte, w []float32, scale float32, zero int32) {
	c := e.coder(scale, zero)
	if e.t.Format == INT8 {
		for i, x := range w {
			dst[i] = c.code(x)
		}
		for i := len(w); i < len(dst); i++ {
			dst[i] = byte(zero)
		}
		return
	}
	for i := range len(w) / 2 {
		dst[i] = c.code(w[2*i]) | c.code(w[2*i+1])<<4
	}
	for i := len(w) / 2; i < len(dst); i++ {
		dst[i] = byte(zero) | byte(zero)<<4
	}
	if n := len(w); n%2 == 1 {
		dst[n/2] = c.code(w[n-1]) | byte(zero)<<4
	}
}

// setZero stores the zero point of a block; rows begin at whole bytes, so that rows may be written at the same time.
func (t *Tensor) setZero(row, b int, zero int32) {
	z := t.ZeroPoints[row*t.rowZeros():]
	if t.Format == INT8 {
		z[b] = byte(zero)
		return
	}
	z[b/2] |= byte(zero) << (b % 2 * 4)
}

func (t *Tensor) zero(row, b int) int32 {
	switch {
	case len(t.ZeroPoints) == 0:
		return 1 << (t.Format.bits() - 1)
	case t.Format == INT8:
		return int32(t.ZeroPoints[row*t.rowZeros()+b])
	default:
		return int32(t.ZeroPoints[row*t.rowZeros()+b/2] >> (b % 2 * 4) & 15)
	}
}

func (t *Tensor) decodeInt(dst []float32, row int) {
	blocks := t.rowBlocks()
	codes := t.Codes[row*t.rowCodes():]
	for b := range blocks {
		scale, zero := t.Scales[row*blocks+b], t.zero(row, b)
		for i := b * t.Block; i < min((b+1)*t.Block, t.K); i++ {
			dst[i] = float32(t.intCode(codes, i)-zero) * scale
		}
	}
}

func (t *Tensor) intCode(codes []byte, i int) int32 {
	if t.Format == INT8 {
		return int32(codes[i])
	}
	return int32(t.nibble(codes, i))
}
