package fuse

import (
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Scores is how attention multiplies queries by keys where this project has an operator for it.
type Scores string

// The two ways: in the type of activations, summed up in float32; or as INT8 codes, with a scale for every query and block of keys.
const (
	Exact Scores = "exact"
	INT8  Scores = "int8"
)

// Auto is the way where nothing else is asked for.
const Auto = Exact

const ownAttention = "Attention"

// hopper is the compute capability that the operator is for.
const hopper = 90

// Few says which attention stays the library's, whose kernel may be the faster one for few keys: over at most Most keys, where their
// number is known from a graph's inputs. Sizes are those of the inputs' named dimensions. The zero value leaves none.
type Few struct {
	Most  int64
	Sizes map[string]int64
}

// has says whether a number of keys, 0 where it is not known, is one of few.
func (f Few) has(keys int64) bool { return keys > 0 && keys <= f.Most }

// Attend gives the attention of a lowered graph to this project's operator where a GPU of that compute capability (90 for 9.0) has a
// kernel for it: heads of 128, exact also of 64, in BF16 or FP16. What few says stays. It says how many nodes that were.
func Attend(m *onnx.Model, capability int, as Scores, few Few) (changed int) {
	if capability != hopper || as == "" {
		return 0
	}
	g := newGraph(m, Options{})
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.Op != "MultiHeadAttention" || len(n.Inputs) != 3 || slices.Contains(n.Inputs, "") || !onlyHeads(n) {
			continue
		}
		heads, width := integer(n, "num_heads"), g.width(n.Inputs[0], len(g.nodes))
		t := g.typeOf(n.Inputs[0], len(g.nodes))
		if heads <= 0 || width%heads != 0 || t != onnx.BFloat16 && t != onnx.Float16 || !fits(width/heads, as) || few.has(g.tokens(n.Inputs[1], few.Sizes, len(g.nodes))) {
			continue
		}
		attrs := append(slices.Clone(n.Attrs), onnx.Str("qk", string(as)))
		*n = own(ownAttention, n.Name, n.Inputs, n.Outputs, attrs...)
		changed++
	}
	if changed > 0 {
		g.store()
	}
	return changed
}

func fits(head int64, as Scores) bool { return head == 128 || head == 64 && as == Exact }

// onlyHeads says whether attention asks for nothing but heads and scale.
func onlyHeads(n *onnx.Node) bool {
	return !slices.ContainsFunc(n.Attrs, func(a onnx.Attr) bool { return a.Name != "num_heads" && a.Name != "scale" })
}

// width is the last dimension of a value that a product or a norm has made, or that was given it; 0 where it is not known. Values lie most deep at the most.
func (g *graph) width(value string, most int) int64 {
	i, ok := g.made[value]
	if !ok || most == 0 {
		return 0
	}
	switch n := &g.nodes[i]; n.Op {
	case quantLinear, codeLinear, codeLinear + "FP16":
		return integer(n, "out_features")
	case rmsRotary:
		return g.dim(n.Inputs[1])
	case "Cast", "RotaryEmbedding", "Identity":
		return g.width(n.Inputs[0], most-1)
	case "Reshape":
		if to := g.ints(n.Inputs[1]); len(to) > 0 && to[len(to)-1] > 0 {
			return to[len(to)-1]
		}
	}
	return 0
}

// tokens is the size of the second dimension, where a value has it from one of the graph's inputs by nodes that keep it; 0 where it is not known.
func (g *graph) tokens(value string, sizes map[string]int64, most int) int64 {
	i, ok := g.made[value]
	if !ok {
		in := slices.IndexFunc(g.m.Graph.Inputs, func(v onnx.ValueInfo) bool { return v.Name == value && len(v.Dims) == 3 })
		if in < 0 {
			return 0
		}
		d := g.m.Graph.Inputs[in].Dims[1]
		if d.Name != "" {
			return sizes[d.Name]
		}
		return d.Size
	}
	if n := &g.nodes[i]; most > 0 && len(n.Inputs) > 0 && slices.Contains(byToken, n.Op) {
		return g.tokens(n.Inputs[0], sizes, most-1)
	}
	return 0
}

// byToken are the operators between a graph's inputs and its keys that compute each token of their first input by itself.
var byToken = []string{quantLinear, codeLinear, codeLinear + "FP16", quantizeRows, rmsRotary, "RMSNormalization", "LayerNormalization", "SimplifiedLayerNormalization", "Cast", "Identity", "Gelu", "MatMul", "Add"}

// typeOf is the type of a value of a lowered graph; 0 where it is not known.
func (g *graph) typeOf(value string, most int) onnx.DType {
	if w := g.weights[value]; w != nil {
		return w.Type
	}
	i, ok := g.made[value]
	if !ok || most == 0 {
		in := slices.IndexFunc(g.m.Graph.Inputs, func(v onnx.ValueInfo) bool { return v.Name == value })
		if in < 0 || ok {
			return 0
		}
		return g.m.Graph.Inputs[in].Type
	}
	switch n := &g.nodes[i]; {
	case n.Op == "Cast":
		return onnx.DType(integer(n, "to"))
	case n.Op == codeLinear || n.Op == modulatedNorm+"BF16":
		return onnx.BFloat16
	case n.Op == codeLinear+"FP16" || n.Op == modulatedNorm+"FP16":
		return onnx.Float16
	case n.Op == gatedNorm && value == n.Outputs[1]:
		return g.typeOf(n.Inputs[1], most-1)
	case len(n.Inputs) > 0:
		return g.typeOf(n.Inputs[0], most-1)
	}
	return 0
}
