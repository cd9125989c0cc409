package fuse

import (
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// finals has the product that makes a result of the graph give it, and sum it up, in float32: rounded to 16 bits it would lose what
// guidance then multiplies. Its weight keeps its 16. What only a later run takes is no result.
func (g *graph) finals() {
	if g.o.Type == onnx.Float32 {
		return
	}
	for i := range len(g.nodes) {
		n := &g.nodes[i]
		as, ok := published[text(n, "format")]
		if !g.is(n, quantLinear) || !ok || text(n, "epilogue") != "" || !g.result(output(n)) {
			continue
		}
		w := g.weights[n.Inputs[1]]
		if w == nil || w.Type != onnx.Uint8 {
			continue
		}
		last, all := g.inSingle(*n, g.published(w, as))
		all[i], g.nodes = last, all
	}
}

// inSingle is y = x·Wᵀ + bias by standard operators in float32, and the nodes with those that come before it.
func (g *graph) inSingle(n onnx.Node, weight string) (last onnx.Node, all []onnx.Node) {
	x, wide, turned := g.fresh(n.Inputs[0]), g.fresh(weight), g.fresh(weight)
	float := []onnx.Attr{onnx.Int("to", onnx.Float32)}
	all = append(g.nodes,
		onnx.Node{Name: x, Op: "Cast", Inputs: n.Inputs[:1], Outputs: []string{x}, Attrs: float},
		onnx.Node{Name: wide, Op: "Cast", Inputs: []string{weight}, Outputs: []string{wide}, Attrs: float},
		onnx.Node{Name: turned, Op: "Transpose", Inputs: []string{wide}, Outputs: []string{turned}, Attrs: []onnx.Attr{onnx.Ints("perm", 1, 0)}})
	product := onnx.Node{Name: n.Name, Op: "MatMul", Inputs: []string{x, turned}, Outputs: n.Outputs}
	bias := input(&n, 6)
	if bias == "" {
		return product, all
	}
	product.Outputs = []string{g.fresh(output(&n))}
	return onnx.Node{Name: product.Outputs[0], Op: "Add", Inputs: []string{product.Outputs[0], bias}, Outputs: n.Outputs}, append(all, product)
}

// published are the types of weights that lie in a bundle as bytes, by their format.
var published = map[string]onnx.DType{"bf16": onnx.BFloat16, "fp16": onnx.Float16}

// published is a weight whose 16 bits lie in a bundle as bytes, as the type that it is.
func (g *graph) published(w *onnx.Tensor, is onnx.DType) string {
	name := strings.TrimSuffix(w.Name, codesOf[is]) + "." + halves[is]
	if g.weights[name] == nil {
		as := *w
		as.Name, as.Type, as.Dims = name, is, []int64{w.Dims[0], w.Dims[1] / 2}
		g.weights[name] = &as
	}
	return name
}

// result says whether a value is what the graph is asked for, at the most arranged otherwise, and nothing else takes it.
func (g *graph) result(value string) bool {
	for {
		by := g.used[value]
		if len(by) == 0 {
			return !strings.HasSuffix(value, stateNext) && slices.ContainsFunc(g.m.Graph.Outputs, func(o onnx.ValueInfo) bool { return o.Name == value })
		}
		n := &g.nodes[by[0]]
		if len(by) != 1 || n.Op != "Reshape" && n.Op != "Transpose" && n.Op != "Identity" || n.Inputs[0] != value {
			return false
		}
		value = output(n)
	}
}
