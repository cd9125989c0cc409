package quant

// Decode writes the whole weight to dst, which holds N·K values. t must have passed Check.
func (t *Tensor) Decode(dst []float32) error { return t.DecodeRows(dst, 0, t.N) }

// DecodeRows writes the rows [from, to) to dst, spread over all cores.
func (t *Tensor) DecodeRows(dst []float32, from, to int) error {
	if from < 0 || to > t.N || from > to || len(dst) != (to-from)*t.K {
		return invalid("of "+string(t.Format), "has %d rows of %d; %d values cannot hold the rows [%d, %d)", t.N, t.K, len(dst), from, to)
	}
	return parallel(to-from, func(a, b int) error {
		for i := a; i < b; i++ {
			t.decodeRow(dst[i*t.K:(i+1)*t.K], from+i)
		}
		return nil
	})
}

func (t *Tensor) decodeRow(dst []float32, row int) {
	switch t.Format {
	case BF16:
		decodeBF16(dst, t.Codes[row*2*t.K:])
	case FP8:
		decodeFP8(dst, t.Codes[row*t.K:], t.Scales[row%len(t.Scales)])
	case NF4:
		t.decodeNF4(dst, row*t.K)
	case NVFP4:
		t.decodeNVFP4(dst, row)
	default:
		t.decodeInt(dst, row)
	}
}
