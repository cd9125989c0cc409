package quant

import (
	"math"
	"slices"
)

// nestedBlock is the number of absmax values that share a scale in double quantization.
const nestedBlock = 256

// nestedTable is bitsandbytes' dynamic 8-bit map: for each power of ten from 10⁻⁶ to 1 the centres of 1, 2, 4 … 64 equal
// parts of [0.1, 1], both signs, and 0 and 1.
var nestedTable = func() []float32 {
	table := []float32{0, 1}
	for i := range 7 {
		parts := 1 << i
		power := float32(math.Pow(10, float64(i-6)))
		for j := range parts {
			mean := (linear(j, parts) + linear(j+1, parts)) / 2
			table = append(table, power*mean, -power*mean)
		}
	}
	slices.Sort(table)
	return table
}()

// linear is point i of parts+1 from 0.1 to 1, counted from the nearer end and rounded once, as torch.linspace does.
func linear(i, parts int) float32 {
	step := float64((float32(1) - float32(0.1)) / float32(parts))
	if i <= parts/2 {
		return float32(float64(float32(0.1)) + step*float64(i))
	}
	return float32(1 - step*float64(parts-i))
}

// nest quantizes the absmax values that t.Scales holds.
func nest(t *Tensor) {
	t.Table = slices.Clone(nestedTable)
	t.Offset = offset(t.Scales)
	for b := range t.Scales2 {
		from := b * nestedBlock
		to := min(from+nestedBlock, len(t.Scales))
		t.Scales2[b] = nestBlock(t.ScaleCodes[from:to], t.Scales[from:to], t.Offset)
	}
	t.Scales = nil
}

// offset is bitsandbytes', but where the sum of float32 overflows: there that makes nothing that could be read.
func offset(absmax []float32) float32 {
	if m := mean(absmax); !math.IsInf(float64(m), 0) {
		return m
	}
	sum := 0.0
	for _, m := range absmax {
		sum += float64(m)
	}
	return float32(sum / float64(len(absmax)))
}

// nestBlock leaves the codes of a block whose values all equal the mean at 0, as bitsandbytes does: its scale is 0.
func nestBlock(dst []byte, absmax []float32, offset float32) (largest float32) {
	for _, m := range absmax {
		largest = max(largest, float32(math.Abs(float64(m-offset))))
	}
	if largest == 0 {
		return 0
	}
	inverse := 1 / largest
	for i, m := range absmax {
		dst[i] = nestedCode((m - offset) * inverse)
	}
	return largest
}

// nestedSteps are those that bitsandbytes cuts [-1, 1] into, on a CPU, before it looks for the nearest value.
const nestedSteps = 65535

// nestedCode is the code nearest to v's step. v is infinite where the inverse of the largest value is, or no number. The explicit
// conversion keeps product and sum from being fused.
func nestedCode(v float32) byte {
	if v != v {
		return 0
	}
	v = max(-1, min(1, v))
	step := int(float32((v+1)*(nestedSteps/2.0)) + 0.5)
	return nearest(nestedTable, float32(float64(step)*2/nestedSteps-1))
}

// nearest is the index in the rising table of the value nearest to v.
func nearest(table []float32, v float32) byte {
	i, _ := slices.BinarySearch(table, v)
	if i == len(table) || i > 0 && v-table[i-1] <= table[i]-v {
		i--
	}
	return byte(i)
}

// absmaxOf is the scale of NF4's block b. The explicit conversion keeps product and sum from being fused.
func (t *Tensor) absmaxOf(b int) float32 {
	if len(t.ScaleCodes) == 0 {
		return t.Scales[b]
	}
	return float32(t.Table[t.ScaleCodes[b]]*t.Scales2[b/nestedBlock]) + t.Offset
}
