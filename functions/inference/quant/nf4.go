package quant

// nf4 are the 16 values of bitsandbytes' NormalFloat4.
var nf4 = [16]float32{
	-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
	-0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
	0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
}

// NF4Values are the values of the codes in their order.
func NF4Values() [16]float32 { return nf4 }

// nf4Tiny is the least absmax that scaling divides by, and the least that is stored of a short block.
const nf4Tiny = 1e-38

// nf4Cells cuts [−1, 1] into 64 cells, of which each holds at most one midpoint between neighbouring values.
const nf4Cells = 64

var (
	nf4Mid  [16]float32         // midpoints; the last is above every value
	nf4Base [2 * nf4Cells]uint8 // the number of midpoints in lower cells
)

func init() {
	for i := range 15 {
		nf4Mid[i] = (nf4[i] + nf4[i+1]) / 2
	}
	nf4Mid[15] = 2
	for cell := range nf4Base {
		for _, m := range nf4Mid[:15] {
			if nf4Cell(m) < cell {
				nf4Base[cell]++
			}
		}
	}
}

// nf4Cell rises with s, so that a midpoint in a lower cell is below s; |s| is at most one rounding above 1.
func nf4Cell(s float32) int { return int(int32((s + 1) * (nf4Cells / 2))) }

// toNF4 is the code nearest to s, the lower one on a tie: the number of midpoints below s.
func toNF4(s float32) byte {
	c := nf4Base[nf4Cell(s)&(len(nf4Base)-1)]
	if nf4Mid[c&15] < s {
		c++
	}
	return c
}

// writeBlocks encodes the whole blocks of what was carried over and rows, and, after the last row, the short one.
func (e *Encoder) writeBlocks(codes []byte, rows []float32, from int) ([]byte, error) {
	first := from*e.t.K - len(e.carry) // a multiple of the block
	if len(e.carry) > 0 {
		rows = append(e.carry, rows...)
	}
	n := len(rows)
	if e.written < e.t.N {
		n -= n % e.t.Block
	}
	codes, dst := grow(codes, ceil(n, 2))
	err := parallel(ceil(n, e.t.Block), func(a, b int) error {
		for i := a; i < b; i++ {
			at := i * e.t.Block
			if err := e.blockNF4(dst[at/2:], rows[at:min(at+e.t.Block, n)], first+at); err != nil {
				return err
			}
		}
		return nil
	})
	e.carry = append([]float32(nil), rows[n:]...)
	return codes, err
}

func (e *Encoder) blockNF4(dst []byte, w []float32, first int) error {
	m, err := e.absmax(w, first)
	if err != nil {
		return err
	}
	divisor := max(m, nf4Tiny)
	e.t.Scales[first/e.t.Block] = m
	if len(w) < e.t.Block {
		e.t.Scales[first/e.t.Block] = divisor
		packShort(dst, w, divisor)
		return nil
	}
	inverse := 1 / divisor
	for i := range len(w) / 2 {
		dst[i] = toNF4(w[2*i]*inverse)<<4 | toNF4(w[2*i+1]*inverse)
	}
	return nil
}

// packShort does a short block as bitsandbytes does: by division, an odd count filled up with a zero.
func packShort(dst []byte, w []float32, divisor float32) {
	for i := 0; i < len(w); i += 2 {
		low := float32(0)
		if i+1 < len(w) {
			low = w[i+1]
		}
		dst[i/2] = toNF4(w[i]/divisor)<<4 | toNF4(low/divisor)
	}
}

// decodeNF4 decodes the elements from first on.
func (t *Tensor) decodeNF4(dst []float32, first int) {
	for i := 0; i < len(dst); {
		at := first + i
		end := min(len(dst), i+t.Block-at%t.Block)
		scale := t.absmaxOf(at / t.Block)
		for ; i < end; i++ {
			dst[i] = nf4[t.nibble(t.Codes, first+i)] * scale
		}
	}
}

// nibble is the 4-bit code number i of codes.
func (t *Tensor) nibble(codes []byte, i int) byte {
	if (i&1 == 0) == t.HighFirst {
		return codes[i/2] >> 4
	}
	return codes[i/2] & 15
}
