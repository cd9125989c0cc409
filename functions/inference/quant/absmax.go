package quant

import "math"

const (
	magnitude = 0x7fffffff // of a float32: all but its sign
	infinity  = 0x7f800000
)

// absmax is max|w|. first is the place of w[0] in the tensor, for the message about a value that is not finite.
func (e *Encoder) absmax(w []float32, first int) (float32, error) {
	var a, b, c, d uint32
	v := w
	for ; len(v) >= 4; v = v[4:] {
		a = max(a, math.Float32bits(v[0])&magnitude)
		b = max(b, math.Float32bits(v[1])&magnitude)
		c = max(c, math.Float32bits(v[2])&magnitude)
		d = max(d, math.Float32bits(v[3])&magnitude)
	}
	for _, x := range v {
		a = max(a, math.Float32bits(x)&magnitude)
	}
	m := max(a, b, c, d)
	if m >= infinity {
		return 0, e.notFinite(w, first)
	}
	return math.Float32frombits(m), nil
}

func (e *Encoder) notFinite(w []float32, first int) error {
	for i, x := range w {
		if math.Float32bits(x)&magnitude >= infinity {
			at := first + i
			return invalid(e.name, "holds %v at [%d, %d]; a weight that is not finite cannot be stored as %s: check the checkpoint", x, at/e.t.K, at%e.t.K, e.t.Format)
		}
	}
	return nil
}
