package form

import (
	"math"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// Wide is how many bytes the weights of a graph's quantized products take in float32.
func Wide(m *onnx.Model) (bytes int64) {
	for _, n := range m.Graph.Nodes {
		if n.Domain != quant.Domain || n.Op != quant.Operator {
			continue
		}
		one := int64(4)
		for _, a := range n.Attrs {
			if a.Name == "in_features" || a.Name == "out_features" {
				one *= a.I
			}
		}
		bytes += one
	}
	return bytes
}

// productInInt8 multiplies codes: x by one scale, the weight by one for each of its rows.
func (r *rewriter) productInInt8(n *onnx.Node, t *quant.Tensor, scale float32) error {
	v := make([]float32, t.N*t.K)
	if err := t.Decode(v); err != nil {
		return err
	}
	r.g.Decoded[n.Inputs[inCodes]] = t.Format
	w, err := r.weight(n.Inputs[inCodes], onnx.Float32, []int64{int64(t.N), int64(t.K)}, bytesOf(v))
	if err != nil {
		return err
	}
	codes, err := r.throughInt8(w, rowScales(v, t.N, t.K))
	if err != nil {
		return err
	}
	x, err := r.throughInt8(n.Inputs[inX], []float32{scale})
	if err != nil {
		return err
	}
	y := n.Outputs[0]
	if bias := input(n, inBias); bias != "" {
		r.op(y, "Add", []string{r.op(y+"/product", "MatMul", []string{x, r.transposed(codes)}), bias})
		return nil
	}
	r.op(y, "MatMul", []string{x, r.transposed(codes)})
	return nil
}

// productOfCodes is productInInt8 for a TensorRT whose graphs are strongly typed: the weight lies in the plan as codes, and all around
// them is float32, since both sides' scales must be of one type.
func (r *rewriter) productOfCodes(n *onnx.Node, t *quant.Tensor, scale float32) error {
	v := make([]float32, t.N*t.K)
	if err := t.Decode(v); err != nil {
		return err
	}
	scales := rowScales(v, t.N, t.K)
	name, rows := n.Inputs[inCodes], []int64{int64(t.N)}
	w, err := r.weight(name, onnx.Int8, []int64{int64(t.N), int64(t.K)}, rowCodes(v, scales))
	if err != nil {
		return err
	}
	s, err := r.weight(name+"/int8.scale", onnx.Float32, rows, bytesOf(scales))
	if err != nil {
		return err
	}
	codes := r.op(name+"/float", "DequantizeLinear", []string{w, s}, onnx.Int("axis", 0))
	x, err := r.throughInt8(r.op(n.Inputs[inX]+"/full", "Cast", []string{n.Inputs[inX]}, onnx.Int("to", int64(onnx.Float32))), []float32{scale})
	if err != nil {
		return err
	}
	y := n.Outputs[0]
	sum := r.op(y+"/product", "MatMul", []string{x, r.transposed(codes)})
	if bias := input(n, inBias); bias != "" {
		sum = r.op(y+"/sum", "Add", []string{sum, bias})
	}
	r.op(y, "Cast", []string{sum}, onnx.Int("to", int64(r.activation)))
	return nil
}

// rowCodes are the rows of v in INT8, each by its scale.
func rowCodes(v, scales []float32) []byte {
	codes, k := make([]byte, len(v)), len(v)/max(len(scales), 1)
	for i, x := range v {
		codes[i] = byte(int8(max(-127, min(127, math.RoundToEven(float64(x/scales[i/k]))))))
	}
	return codes
}

// throughInt8 quantizes a value and back, by one scale or by one for each row.
func (r *rewriter) throughInt8(v string, scales []float32) (string, error) {
	dims := []int64{}
	if len(scales) > 1 {
		dims = []int64{int64(len(scales))}
	}
	s, err := r.weight(v+"/int8.scale", onnx.Float32, dims, bytesOf(scales))
	if err != nil {
		return "", err
	}
	z, err := r.weight(v+"/int8.zero", onnx.Int8, dims, make([]byte, len(scales)))
	if err != nil {
		return "", err
	}
	axis := onnx.Int("axis", 0)
	q := r.op(v+"/int8.codes", "QuantizeLinear", []string{v, s, z}, axis)
	return r.op(v+"/int8", "DequantizeLinear", []string{q, s, z}, axis), nil
}

// rowScales are each row's greatest magnitude / 127; never zero.
func rowScales(v []float32, n, k int) []float32 {
	scales := make([]float32, n)
	for i := range scales {
		most := float32(1e-12)
		for _, x := range v[i*k : (i+1)*k] {
			most = max(most, float32(math.Abs(float64(x))))
		}
		scales[i] = most / 127
	}
	return scales
}
