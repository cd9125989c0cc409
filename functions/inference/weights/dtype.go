package weights

// DType is an element type by its safetensors name.
type DType string

// The element types of the safetensors format.
const (
	Bool   DType = "BOOL"
	U8     DType = "U8"
	I8     DType = "I8"
	U16    DType = "U16"
	I16    DType = "I16"
	U32    DType = "U32"
	I32    DType = "I32"
	U64    DType = "U64"
	I64    DType = "I64"
	F4     DType = "F4"      // E2M1, two to a byte, first element in the low nibble
	F8E4M3 DType = "F8_E4M3" // the "fn" variant: no infinities
	F8E5M2 DType = "F8_E5M2"
	F8E8M0 DType = "F8_E8M0" // a power of two
	F16    DType = "F16"
	BF16   DType = "BF16"
	F32    DType = "F32"
	F64    DType = "F64"
)

var bits = map[DType]int64{
	Bool: 8, U8: 8, I8: 8, U16: 16, I16: 16, U32: 32, I32: 32, U64: 64, I64: 64,
	F4: 4, F8E4M3: 8, F8E5M2: 8, F8E8M0: 8, F16: 16, BF16: 16, F32: 32, F64: 64,
}

// Bits is the size of one element in bits; 0 for an unknown type.
func (d DType) Bits() int64 { return bits[d] }

// Bytes is the size of n elements; false when the type is unknown, n is negative, the result overflows or is no whole
// number of bytes.
func (d DType) Bytes(n int64) (int64, bool) {
	b := bits[d]
	if b == 0 || n < 0 || n > (1<<62)/64 || (n*b)%8 != 0 {
		return 0, false
	}
	return n * b / 8, true
}
