package form

import (
	"bytes"
	"fmt"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// Inputs of a QuantLinear node, by position.
const (
	inX = iota
	inCodes
	inScales
	inScales2
	inTable
	inZeroPoints
	inBias
)

// product replaces a QuantLinear node by a product with its dequantized weight.
func (r *rewriter) product(n *onnx.Node) error {
	t, err := r.tensor(n)
	if err != nil {
		return err
	}
	if scale, ok := r.scales[n.Inputs[inX]]; r.eight && ok {
		return r.productInInt8(n, t, scale)
	}
	if scale, ok := r.scales[n.Inputs[inX]]; t.Format == quant.INT8 && ok {
		return r.productOfCodes(n, t, scale)
	}
	if t.Format == quant.FP8 && !r.eight {
		return r.productInFP8(n, t)
	}
	w, err := r.dequantized(n.Inputs[inCodes], t)
	if err != nil {
		return err
	}
	y, bias := n.Outputs[0], input(n, inBias)
	if bias != "" {
		y += "/product"
	}
	r.op(y, "MatMul", []string{n.Inputs[inX], r.transposed(w)})
	if bias != "" {
		r.op(n.Outputs[0], "Add", []string{y, r.cast(bias)})
	}
	return nil
}

func (r *rewriter) transposed(w string) string {
	return r.op(w+"/transposed", "Transpose", []string{w}, onnx.Ints("perm", 1, 0))
}

// productInFP8 quantizes the rows of x as the run goes: TensorRT keeps a weight in FP8 only where both sides of the product
// are, and takes no scale that is not a constant. So each row is divided by its greatest magnitude / 448 before a quantization
// of scale 1, and the product's rows are multiplied by it. All around the codes is float32: both sides' scales must be of one
// type, and BF16 would cost the weight's three digits.
func (r *rewriter) productInFP8(n *onnx.Node, t *quant.Tensor) error {
	w, err := r.fp8(n.Inputs[inCodes], t)
	if err != nil {
		return err
	}
	x, scale, err := r.rowsInFP8(n.Inputs[inX])
	if err != nil {
		return err
	}
	y := n.Outputs[0]
	sum := r.op(y+"/scaled", "Mul", []string{r.op(y+"/product", "MatMul", []string{x, r.transposed(w)}), scale})
	if bias := input(n, inBias); bias != "" {
		sum = r.op(y+"/sum", "Add", []string{sum, bias})
	}
	r.op(y, "Cast", []string{sum}, onnx.Int("to", int64(r.activation)))
	return nil
}

// rowsInFP8 is x through FP8, each row divided by its scale, and the scales. Several products of one x share them.
func (r *rewriter) rowsInFP8(x string) (codes, scale string, err error) {
	var c struct{ one, least, part, zero, axis string }
	for _, w := range []struct {
		to   *string
		name string
		t    onnx.DType
		dims []int64
		raw  []byte
	}{
		{&c.one, "fp8/one", onnx.Float32, nil, bytesOf([]float32{1})},
		{&c.least, "fp8/least", onnx.Float32, nil, bytesOf([]float32{1e-12})},
		{&c.part, "fp8/part", onnx.Float32, nil, bytesOf([]float32{1.0 / 448})},
		{&c.zero, "fp8/zero", onnx.Float8E4M3, nil, []byte{0}},
		{&c.axis, "fp8/axis", onnx.Int64, []int64{1}, bytes.Repeat([]byte{255}, 8)},
	} {
		if *w.to, err = r.weight(w.name, w.t, w.dims, w.raw); err != nil {
			return "", "", err
		}
	}
	at := x + "/rows"
	full := r.op(at+"/full", "Cast", []string{x}, onnx.Int("to", int64(onnx.Float32)))
	greatest := r.op(at+"/greatest", "ReduceMax", []string{r.op(at+"/abs", "Abs", []string{full}), c.axis}, onnx.Int("keepdims", 1))
	scale = r.op(at+"/scale", "Mul", []string{r.op(at+"/bounded", "Max", []string{greatest, c.least}), c.part})
	q := r.op(at+"/codes", "QuantizeLinear", []string{r.op(at+"/divided", "Div", []string{full, scale}), c.one, c.zero})
	return r.op(at+"/float", "DequantizeLinear", []string{q, c.one, c.zero}), scale, nil
}

func input(n *onnx.Node, i int) string {
	if i < len(n.Inputs) {
		return n.Inputs[i]
	}
	return ""
}

// dequantized is the value W [out, in] in the activation type.
func (r *rewriter) dequantized(codes string, t *quant.Tensor) (string, error) {
	if r.eight {
		return r.decoded(codes, t)
	}
	n, k := int64(t.N), int64(t.K)
	var w string
	var err error
	switch {
	case t.Format == quant.BF16:
		if w, err = r.weight(codes, onnx.BFloat16, []int64{n, k}, t.Codes); err != nil || r.activation == onnx.BFloat16 {
			return w, err
		}
		return r.op(w+"/cast", "Cast", []string{w}, onnx.Int("to", int64(r.activation))), nil
	case t.Format == quant.NVFP4 && t.K%t.Block == 0 && !t.HighFirst:
		return r.nvfp4(codes, t)
	case t.Format == quant.INT4 && t.K%t.Block == 0 && t.ZeroPoints == nil && !t.HighFirst:
		return r.int4(codes, t)
	}
	return r.decoded(codes, t)
}

// fp8 is one code an element, and a scale for the whole or for each row.
func (r *rewriter) fp8(codes string, t *quant.Tensor) (string, error) {
	w, err := r.weight(codes, onnx.Float8E4M3, []int64{int64(t.N), int64(t.K)}, t.Codes)
	if err != nil {
		return "", err
	}
	dims, attrs := []int64{}, []onnx.Attr(nil)
	if len(t.Scales) > 1 {
		dims, attrs = []int64{int64(t.N)}, []onnx.Attr{onnx.Int("axis", 0)}
	}
	s, err := r.weight(codes+".scale", onnx.Float32, dims, bytesOf(t.Scales))
	if err != nil {
		return "", err
	}
	return r.op(codes+"/float", "DequantizeLinear", []string{w, s}, attrs...), nil
}

// nvfp4 has scales of its own type, which the global scale dequantizes.
func (r *rewriter) nvfp4(codes string, t *quant.Tensor) (string, error) {
	blocks := int64(t.K / t.Block)
	w, err := r.weight(codes, onnx.Float4E2M1, []int64{int64(t.N), int64(t.K)}, t.Codes)
	if err != nil {
		return "", err
	}
	s, err := r.weight(codes+".scale", onnx.Float8E4M3, []int64{int64(t.N), blocks}, t.ScaleCodes)
	if err != nil {
		return "", err
	}
	g, err := r.weight(codes+".global", onnx.Float32, nil, bytesOf(t.Scales2))
	if err != nil {
		return "", err
	}
	scales := r.op(codes+".scale/float", "DequantizeLinear", []string{s, g})
	return r.cast(r.op(codes+"/float", "DequantizeLinear", []string{w, scales}, onnx.Int("axis", 1), onnx.Int("block_size", t.Block))), nil
}

// int4 is stored around 8; TensorRT's four-bit integers are signed.
func (r *rewriter) int4(codes string, t *quant.Tensor) (string, error) {
	signed := make([]byte, len(t.Codes))
	for i, c := range t.Codes {
		signed[i] = c ^ 0x88
	}
	w, err := r.weight(codes, onnx.Int4, []int64{int64(t.N), int64(t.K)}, signed)
	if err != nil {
		return "", err
	}
	s, err := r.weight(codes+".scale", onnx.Float32, []int64{int64(t.N), int64(t.K / t.Block)}, bytesOf(t.Scales))
	if err != nil {
		return "", err
	}
	return r.cast(r.op(codes+"/float", "DequantizeLinear", []string{w, s}, onnx.Int("axis", 1), onnx.Int("block_size", t.Block))), nil
}

// decoded is for formats that TensorRT has no type for.
func (r *rewriter) decoded(codes string, t *quant.Tensor) (string, error) {
	r.g.Decoded[codes] = t.Format
	v := make([]float32, t.N*t.K)
	if err := t.Decode(v); err != nil {
		return "", err
	}
	dims := []int64{int64(t.N), int64(t.K)}
	if r.activation != onnx.BFloat16 {
		w, err := r.weight(codes, onnx.Float32, dims, bytesOf(v))
		return r.cast(w), err
	}
	b, err := quant.Encode(codes, quant.BF16, quant.Options{}, v, t.N, t.K)
	if err != nil {
		return "", err
	}
	return r.weight(codes, onnx.BFloat16, dims, b.Codes)
}

// tensor is the weight that a node names.
func (r *rewriter) tensor(n *onnx.Node) (*quant.Tensor, error) {
	t := quant.Described(n.Attrs)
	return t, r.fill(n, t)
}

func (r *rewriter) fill(n *onnx.Node, t *quant.Tensor) error {
	var parts [inZeroPoints + 1][]byte
	for i := inCodes; i <= inZeroPoints; i++ {
		name := input(n, i)
		if name == "" {
			continue
		}
		x := r.held[name]
		if x == nil {
			return fmt.Errorf("its input %s is no weight: %w", name, errdefs.ErrInvalidArgument)
		}
		var err error
		if parts[i] = x.Raw; x.External != nil {
			if parts[i], err = r.content(x); err != nil {
				return err
			}
		}
		if i == inScales && x.Type == onnx.Uint8 {
			t.ScaleCodes, parts[i] = parts[i], nil
		}
	}
	t.Codes, t.Scales, t.Scales2, t.Table = parts[inCodes], floatsOf(parts[inScales]), floatsOf(parts[inScales2]), floatsOf(parts[inTable])
	if len(parts[inZeroPoints]) > 0 {
		t.ZeroPoints = parts[inZeroPoints]
	}
	return t.Check(n.Name)
}

// floatsOf and bytesOf are the same memory seen the other way; weights lie at multiples of the page size.
func floatsOf(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

func bytesOf(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}
