package quant

import "unsafe"

// Tensor is a quantized weight [N, K]. Which fields are used depends on the format; all byte orders are little-endian.
//
//	bf16   Codes [N, 2K]
//	fp8    Codes [N, K]; Scales [1] or [N]
//	nf4    Codes [⌈N·K/2⌉] of the flattened weight; Scales [B], B = ⌈N·K/Block⌉; with double quantization instead
//	       ScaleCodes [B], Scales2 [⌈B/256⌉], Table [256], Offset
//	nvfp4  Codes [N, 8·⌈K/16⌉]; ScaleCodes [N, ⌈K/16⌉] in E4M3; Scales2 [1]
//	int8   Codes [N, ⌈K/Block⌉·Block]; Scales [N, ⌈K/Block⌉]; ZeroPoints of the same size, or none: 128
//	int4   Codes [N, ⌈K/Block⌉·Block/2]; Scales as int8; ZeroPoints [N, ⌈⌈K/Block⌉/2⌉], or none: 8
type Tensor struct {
	Format     Format
	N, K       int
	Block      int
	Codes      []byte
	Scales     []float32
	ScaleCodes []byte
	Scales2    []float32
	Table      []float32
	Offset     float32
	ZeroPoints []byte
	HighFirst  bool // 4-bit formats: the even element lies in the high nibble
}

// Part is one stored piece of a quantized weight: the name of the weight and Suffix name it in a bundle.
type Part struct {
	Suffix string // ".codes", ".scales", ".scales2", ".table", ".zero_points"
	Float  bool   // float32; bytes otherwise
	Dims   []int64
	Data   []byte // nil in a plan
}

// Bytes is the size of the part.
func (p Part) Bytes() int64 {
	n := int64(1)
	for _, d := range p.Dims {
		n *= d
	}
	if p.Float {
		n *= 4
	}
	return n
}

// Sizes is the parts that a weight [n, k] will have, without data.
func Sizes(f Format, o Options, n, k int) ([]Part, error) {
	e, err := NewEncoder("weight", f, o, n, k)
	if err != nil {
		return nil, err
	}
	return layout(e.t, o).parts(e.t), nil
}

// Parts is the parts of t with their data; the memory is t's own. An encoder's tensor without codes has no data there.
func (t *Tensor) Parts() []Part {
	codes := len(t.Codes)
	if codes == 0 {
		codes = t.codeBytes()
	}
	s := shape{codes: codes, scales: len(t.Scales), scaleCodes: len(t.ScaleCodes), scales2: len(t.Scales2), table: len(t.Table), zeros: len(t.ZeroPoints)}
	parts := s.parts(t)
	for i := range parts {
		parts[i].Data = map[string][]byte{
			".codes": t.Codes, ".scales": append(floatBytes(t.Scales), t.ScaleCodes...), ".scales2": floatBytes(t.Scales2),
			".table": floatBytes(t.Table), ".zero_points": t.ZeroPoints,
		}[parts[i].Suffix]
	}
	return parts
}

// shape counts the elements of each field.
type shape struct{ codes, scales, scaleCodes, scales2, table, zeros int }

func (s shape) parts(t *Tensor) (parts []Part) {
	add := func(suffix string, float bool, n int, row bool) {
		if n == 0 {
			return
		}
		dims := []int64{int64(n)}
		if row && t.N > 0 && n%t.N == 0 {
			dims = []int64{int64(t.N), int64(n / t.N)}
		}
		parts = append(parts, Part{Suffix: suffix, Float: float, Dims: dims})
	}
	add(".codes", false, s.codes, t.Format != NF4)
	add(".scales", true, s.scales, t.Format.integer())
	add(".scales", false, s.scaleCodes, t.Format == NVFP4)
	add(".scales2", true, s.scales2, false)
	add(".table", true, s.table, false)
	add(".zero_points", false, s.zeros, true)
	return parts
}

// layout is what t has to hold.
func layout(t *Tensor, o Options) shape {
	s := shape{codes: t.codeBytes()}
	switch blocks := t.blocks(); t.Format {
	case FP8:
		s.scales = 1
		if o.PerChannel {
			s.scales = t.N
		}
	case NF4:
		if s.scales = blocks; o.Double {
			s = shape{codes: s.codes, scaleCodes: blocks, scales2: ceil(blocks, nestedBlock), table: 256}
		}
	case NVFP4:
		s.scaleCodes, s.scales2 = blocks, 1
	case INT8, INT4:
		if s.scales = blocks; o.Asymmetric {
			s.zeros = t.N * t.rowZeros()
		}
	}
	return s
}

func ceil(a, b int) int { return (a + b - 1) / b }

// rowBlocks is the number of blocks along K.
func (t *Tensor) rowBlocks() int { return ceil(t.K, t.Block) }

// rowZeros is the bytes of a row's zero points.
func (t *Tensor) rowZeros() int { return ceil(t.rowBlocks()*t.Format.bits(), 8) }

// rowCodes is the bytes of a row's codes; NF4 has no rows.
func (t *Tensor) rowCodes() int {
	switch t.Format {
	case BF16:
		return 2 * t.K
	case FP8:
		return t.K
	default:
		return t.rowBlocks() * t.Block * t.Format.bits() / 8
	}
}

// blocks is the number of scales of the whole weight, for the formats that have blocks.
func (t *Tensor) blocks() int {
	switch {
	case t.Block == 0:
		return 0
	case t.Format == NF4:
		return ceil(t.N*t.K, t.Block)
	default:
		return t.N * t.rowBlocks()
	}
}

func (t *Tensor) codeBytes() int {
	if t.Format == NF4 {
		return ceil(t.N*t.K, 2)
	}
	return t.N * t.rowCodes()
}

// floatBytes is the memory of v; every machine that we run on is little-endian.
func floatBytes(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}
