package split

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// fixed are the result types of operators whose results are not of their first input's type.
var fixed = map[string][]onnx.DType{
	"Shape": {onnx.Int64}, "Size": {onnx.Int64}, "NonZero": {onnx.Int64},
	"Equal": {onnx.Bool}, "Greater": {onnx.Bool}, "Less": {onnx.Bool}, "GreaterOrEqual": {onnx.Bool}, "LessOrEqual": {onnx.Bool}, "Not": {onnx.Bool},
	"ModulatedNormCodes": {onnx.Uint8, onnx.Float32}, "GatedNormCodes": {0, onnx.Uint8, onnx.Float32}, "QuantizeRows": {onnx.Uint8, onnx.Float32},
	"CodeLinear": {onnx.BFloat16}, "CodeLinearFP16": {onnx.Float16}, "ModulatedNormBF16": {onnx.BFloat16}, "ModulatedNormFP16": {onnx.Float16},
}

// typesOf are the element types of all values of a graph, whose nodes are in their order.
func typesOf(m *onnx.Model) (map[string]onnx.DType, error) {
	of := map[string]onnx.DType{}
	for _, v := range m.Graph.Values {
		of[v.Name] = v.Type
	}
	for _, v := range m.Graph.Inputs {
		of[v.Name] = v.Type
	}
	for _, v := range m.Graph.Outputs {
		of[v.Name] = v.Type
	}
	for _, w := range m.Graph.Initializers {
		of[w.Name] = w.Type
	}
	for _, n := range m.Graph.Nodes {
		for i, v := range n.Outputs {
			if of[v] == 0 {
				of[v] = result(n, i, of)
			}
			if of[v] == 0 && v != "" {
				return nil, fmt.Errorf("the type of %s, made by a %s, is not known: %w", v, n.Op, errdefs.ErrNotImplemented)
			}
		}
	}
	return of, nil
}

// result is the type of a node's result; 0 when it is not known.
func result(n onnx.Node, i int, of map[string]onnx.DType) onnx.DType {
	if types, ok := fixed[n.Op]; ok && i < len(types) && types[i] != 0 {
		return types[i]
	}
	for _, a := range n.Attrs {
		switch {
		case n.Op == "Cast" && a.Name == "to":
			return onnx.DType(a.I)
		case (n.Op == "Constant" || n.Op == "ConstantOfShape") && a.T != nil:
			return a.T.Type
		}
	}
	first := 0
	switch {
	case n.Op == "GatedNorm" && i == 1: // its rows are of the second input's type, the residual stream of the first's
		first = 1
	case n.Op == "Where", n.Op == "DequantizeLinear":
		first = 1
	case n.Op == "ConstantOfShape":
		return onnx.Float32
	}
	if first < len(n.Inputs) {
		return of[n.Inputs[first]]
	}
	return 0
}
