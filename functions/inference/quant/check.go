package quant

import (
	"bytes"
	"math"
)

// Check makes sure that t is whole and means finite numbers: sizes that fit its shape, finite scales, no scale of zero
// under codes that say otherwise, no NaN among FP8 or BF16 codes. The error is one sentence that names the tensor.
func (t *Tensor) Check(name string) error {
	if _, err := ParseFormat(string(t.Format)); err != nil {
		return invalid(name, "has the unknown format %q: choose one of %s", t.Format, formatNames())
	}
	if !isMatrix(t.N, t.K) {
		return invalid(name, "has the shape [%d, %d]; only matrices can be quantized", t.N, t.K)
	}
	o := Options{Block: t.Block, PerChannel: len(t.Scales) != 1, Double: len(t.ScaleCodes) > 0, Asymmetric: len(t.ZeroPoints) > 0}.withDefaults(t.Format)
	if o.Block != t.Block {
		return invalid(name, "has blocks of %d; %s has blocks of %d", t.Block, t.Format, o.Block)
	}
	if err := o.validate(t.Format); err != nil {
		return invalid(name, "is not usable: %v", err)
	}
	for _, check := range []func(string, Options) error{t.checkSizes, t.checkScales, t.checkCodes} {
		if err := check(name, o); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tensor) checkSizes(name string, o Options) error {
	want := layout(t, o)
	for _, part := range []struct {
		what       string
		have, want int
	}{
		{"codes (bytes)", len(t.Codes), want.codes}, {"scales", len(t.Scales), want.scales}, {"coded scales", len(t.ScaleCodes), want.scaleCodes},
		{"second-level scales", len(t.Scales2), want.scales2}, {"scale table entries", len(t.Table), want.table}, {"zero points (bytes)", len(t.ZeroPoints), want.zeros},
	} {
		switch {
		case part.have == 0 && part.want > 0:
			return invalid(name, "of %s lacks its %s: the checkpoint is incomplete", t.Format, part.what)
		case part.have != part.want:
			return invalid(name, "of %s and shape [%d, %d] has %d %s, needs %d", t.Format, t.N, t.K, part.have, part.what, part.want)
		}
	}
	return nil
}

func (t *Tensor) checkScales(name string, _ Options) error {
	for i, s := range t.Scales {
		if !finite(s) {
			return invalid(name, "has the scale %v at %d; scales must be finite", s, i)
		}
		if s == 0 && t.Format == FP8 {
			return invalid(name, "has a scale of zero at %d: every weight under it would be lost", i)
		}
		if s < 0 && !t.Format.integer() {
			return invalid(name, "has the scale %v at %d; scales of %s are never below zero", s, i, t.Format)
		}
		if s == 0 && t.Format == NF4 && !t.sameCodes(i) {
			return invalid(name, "has a scale of zero at %d over codes that differ: every weight under it would be lost", i)
		}
	}
	for i, s := range t.Scales2 {
		if !finite(s) || t.Format == NVFP4 && (s <= 0 || !finite(s*e4m3Max)) {
			return invalid(name, "has the second-level scale %v at %d; it must be finite and above zero, and its product with block scales finite", s, i)
		}
		if s < 0 {
			return invalid(name, "has the second-level scale %v at %d; it is never below zero", s, i)
		}
	}
	for i, v := range append(t.Table[:len(t.Table):len(t.Table)], t.Offset) {
		if !finite(v) {
			return invalid(name, "has %v in its table of scales at %d; it must be finite", v, i)
		}
	}
	for b := range t.ScaleCodes {
		if t.Format == NF4 && !finite(t.absmaxOf(b)) {
			return invalid(name, "has scales whose product is infinite in block %d; it must be finite", b)
		}
	}
	return nil
}

// sameCodes says whether the codes of NF4's block b are all one: of a block of zeros 7 or, by versions of bitsandbytes that divide by
// its maximum, another.
func (t *Tensor) sameCodes(b int) bool {
	from := b * t.Block
	for i := from + 1; i < min(from+t.Block, t.N*t.K); i++ {
		if t.nibble(t.Codes, i) != t.nibble(t.Codes, from) {
			return false
		}
	}
	return true
}

func finite(v float32) bool { return math.Float32bits(v)&magnitude < infinity }

func (t *Tensor) checkCodes(name string, _ Options) error {
	huge := t.huge()
	return parallel(t.N, func(from, to int) error {
		var values []float32
		if huge {
			values = make([]float32, t.K)
		}
		for row := from; row < to; row++ {
			fault := t.rowFault(row)
			if fault == "" && huge {
				fault = t.overflow(values, row)
			}
			if fault != "" {
				return invalid(name, "has %s in row %d: check the checkpoint", fault, row)
			}
		}
		return nil
	})
}

// huge says whether scales are so large that a code under them may be no finite number.
func (t *Tensor) huge() bool {
	most := map[Format]float32{FP8: e4m3Max, INT8: 255, INT4: 15}[t.Format]
	for _, s := range t.Scales {
		if !finite(s * most) {
			return true
		}
	}
	return t.Format == NVFP4 && !finite(t.Scales2[0]*e4m3Max*e2m1Max)
}

func (t *Tensor) overflow(values []float32, row int) string {
	t.decodeRow(values, row)
	for _, v := range values {
		if !finite(v) {
			return "a weight that its scale makes infinite"
		}
	}
	return ""
}

// rowFault says what is wrong with the codes of a row, if anything.
func (t *Tensor) rowFault(row int) string {
	if t.Format == NF4 {
		return "" // every code is a number
	}
	codes := t.Codes[row*t.rowCodes() : (row+1)*t.rowCodes()]
	switch t.Format {
	case BF16:
		for i := 0; i < len(codes); i += 2 {
			if codes[i+1]&127 == 127 && codes[i]&128 == 128 {
				return "a weight that is not finite"
			}
		}
	case FP8:
		if bytes.IndexByte(codes, 127) >= 0 || bytes.IndexByte(codes, 255) >= 0 {
			return "a weight that is not a number"
		}
	default:
		return t.blockFault(codes, row)
	}
	return ""
}

func (t *Tensor) blockFault(codes []byte, row int) string {
	blocks := t.rowBlocks()
	for b := range blocks {
		if t.Format == NVFP4 {
			switch c := t.ScaleCodes[row*blocks+b]; {
			case c&127 == 127:
				return "a block scale that is not a number"
			case c > 128:
				return "a block scale below zero"
			case c != 0 && c != 128:
				continue
			}
		} else if t.Scales[row*blocks+b] != 0 {
			continue
		}
		if !t.zeroBlock(codes, row, b) {
			return "a block with a scale of zero whose codes are not"
		}
	}
	return ""
}

// zeroBlock says whether every code below K in a block stands for 0.
func (t *Tensor) zeroBlock(codes []byte, row, b int) bool {
	for i := b * t.Block; i < min((b+1)*t.Block, t.K); i++ {
		if t.Format == NVFP4 && t.nibble(codes, i)&7 != 0 || t.Format.integer() && t.intCode(codes, i) != t.zero(row, b) {
			return false
		}
	}
	return true
}
