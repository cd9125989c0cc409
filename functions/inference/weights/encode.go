package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/containerd/errdefs"
)

// Encode converts float32 values to little-endian elements of type d, rounding to nearest even and saturating in the
// 8-bit formats. The floating-point types other than F4 and F8_E8M0 can be written.
func Encode(d DType, values []float32) ([]byte, error) {
	le := binary.LittleEndian
	out := make([]byte, 0, int64(len(values))*d.Bits()/8)
	for _, v := range values {
		switch d {
		case F32:
			out = le.AppendUint32(out, math.Float32bits(v))
		case F64:
			out = le.AppendUint64(out, math.Float64bits(float64(v)))
		case BF16:
			out = le.AppendUint16(out, floatToBF16(v))
		case F16:
			out = le.AppendUint16(out, floatToHalf(v))
		case F8E4M3:
			out = append(out, encode8(&e4m3, 126, v))
		case F8E5M2:
			out = append(out, encode8(&e5m2, 123, v))
		default:
			return nil, fmt.Errorf("cannot write float32 values as %s: %w", d, errdefs.ErrInvalidArgument)
		}
	}
	return out, nil
}

func floatToBF16(v float32) uint16 {
	b := math.Float32bits(v)
	if v != v {
		return uint16(b>>16) | 64
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func floatToHalf(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b >> 16 & 0x8000)
	a := b & 0x7fffffff
	switch {
	case a > 0x7f800000:
		return sign | 0x7e00
	case a >= 0x477ff000: // rounds to 65536 or more
		return sign | 0x7c00
	case a < 0x38800000: // subnormal half: a multiple of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(a))*(1<<24)))
	}
	a += 0xfff + a>>13&1
	return sign | uint16((a-0x38000000)>>13)
}
