package quant

import "github.com/videosdgx/videosdgx/functions/inference/onnx"

// Domain and Operator name the custom operator that multiplies by a quantized weight; functions/inference/kernels has it.
const (
	Domain   = "ai.videosdgx"
	Operator = "QuantLinear"
)

// suffixes of the parts in the order of the operator's inputs after x.
var suffixes = []string{".codes", ".scales", ".scales2", ".table", ".zero_points"}

// Linear adds the node y = x·Wᵀ + bias for a weight of t's format and shape, whose parts are the values in parts by their
// suffix; t need not hold data. An empty bias is none. With dynamic, a kernel may quantize x to 8 bits, 16
// values of a row at a time: a result is off by √16/254 of |row of x|·|row of W| at most.
func Linear(b *onnx.Builder, x onnx.Value, t *Tensor, parts map[string]onnx.Value, bias onnx.Value, dynamic bool) onnx.Value {
	inputs := []onnx.Value{x}
	for _, s := range suffixes {
		inputs = append(inputs, parts[s])
	}
	inputs = append(inputs, bias)
	for len(inputs) > 2 && inputs[len(inputs)-1] == "" {
		inputs = inputs[:len(inputs)-1]
	}
	return b.Node(Domain, Operator, inputs, 1, t.attrs(dynamic)...)[0]
}

func (t *Tensor) attrs(dynamic bool) []onnx.Attr {
	attrs := []onnx.Attr{onnx.Str("format", string(t.Format)), onnx.Int("in_features", int64(t.K)), onnx.Int("out_features", int64(t.N))}
	if t.Block > 0 {
		attrs = append(attrs, onnx.Int("block", int64(t.Block)))
	}
	if t.HighFirst != (t.Format == NF4) {
		attrs = append(attrs, onnx.Int("high_first", int64(map[bool]int{true: 1}[t.HighFirst])))
	}
	if t.Offset != 0 {
		attrs = append(attrs, onnx.Float("offset", t.Offset))
	}
	if dynamic {
		attrs = append(attrs, onnx.Str("activations", "dynamic"))
	}
	return attrs
}
