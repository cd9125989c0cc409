package weights

import (
	"encoding/binary"
	"math"
)

// Decode converts raw little-endian elements to float32. Wider types are rounded to nearest even.
func Decode(d DType, raw []byte) []float32 {
	out := make([]float32, int64(len(raw))*8/d.Bits())
	decodeInto(d, raw, out)
	return out
}

func decodeInto(d DType, raw []byte, out []float32) {
	le := binary.LittleEndian
	switch d {
	case F32:
		for i := range out {
			out[i] = math.Float32frombits(le.Uint32(raw[4*i:]))
		}
	case BF16:
		for i := range out {
			out[i] = math.Float32frombits(uint32(le.Uint16(raw[2*i:])) << 16)
		}
	case F16:
		for i := range out {
			out[i] = halfToFloat(le.Uint16(raw[2*i:]))
		}
	case F64:
		for i := range out {
			out[i] = float32(math.Float64frombits(le.Uint64(raw[8*i:])))
		}
	case F8E4M3:
		lookup(&e4m3, raw, out)
	case F8E5M2:
		lookup(&e5m2, raw, out)
	case F8E8M0:
		lookup(&e8m0, raw, out)
	case F4:
		for i := range out {
			out[i] = e2m1[raw[i/2]>>(4*(i&1))&15]
		}
	default:
		decodeInts(d, raw, out)
	}
}

func decodeInts(d DType, raw []byte, out []float32) {
	le := binary.LittleEndian
	for i := range out {
		switch d {
		case Bool, U8:
			out[i] = float32(raw[i])
		case I8:
			out[i] = float32(int8(raw[i]))
		case U16:
			out[i] = float32(le.Uint16(raw[2*i:]))
		case I16:
			out[i] = float32(int16(le.Uint16(raw[2*i:])))
		case U32:
			out[i] = float32(le.Uint32(raw[4*i:]))
		case I32:
			out[i] = float32(int32(le.Uint32(raw[4*i:])))
		case U64:
			out[i] = float32(le.Uint64(raw[8*i:]))
		case I64:
			out[i] = float32(int64(le.Uint64(raw[8*i:])))
		}
	}
}

func lookup(table *[256]float32, raw []byte, out []float32) {
	for i := range out {
		out[i] = table[raw[i]]
	}
}

func halfToFloat(h uint16) float32 {
	sign, exp, man := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | man<<13)
	case 0:
		v := float32(man) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
}
