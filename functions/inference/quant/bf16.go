package quant

import (
	"encoding/binary"
	"math"
)

// rowBF16 rounds to nearest even. A finite value above the largest BF16 would become infinite: it saturates.
func (e *Encoder) rowBF16(dst []byte, w []float32, row int) error {
	if _, err := e.absmax(w, row*e.t.K); err != nil {
		return err
	}
	for i, x := range w {
		u := math.Float32bits(x)
		r := (u + 0x7fff + u>>16&1) >> 16
		if r&0x7fff == 0x7f80 {
			r--
		}
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(r))
	}
	return nil
}

func decodeBF16(dst []float32, codes []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(codes[2*i:])) << 16)
	}
}
