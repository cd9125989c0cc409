package fuse

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

const quantLinear = "QuantLinear"

// attention puts the library's own attention in the place of the standard operator where there is no bias. It knows no heads that
// share keys and values: those are repeated.
func (g *graph) attention() {
	var repeated []onnx.Node
	for i := range g.nodes {
		n := &g.nodes[i]
		q, kv := integer(n, "q_num_heads"), integer(n, "kv_num_heads")
		if n.Op != "Attention" || n.Domain != "" || len(n.Inputs) != 3 || q == 0 || kv == 0 || q%kv != 0 || !plain(n) {
			continue
		}
		attrs := []onnx.Attr{onnx.Int("num_heads", q)}
		if s, ok := attr(n, "scale"); ok {
			attrs = append(attrs, s)
		}
		n.Op, n.Domain, n.Attrs = "MultiHeadAttention", "com.microsoft", attrs
		if q == kv {
			continue
		}
		n.Inputs = append([]string(nil), n.Inputs...)
		for at := 1; at < 3; at++ {
			var more []onnx.Node
			n.Inputs[at], more = g.repeated(n.Inputs[at], kv, q/kv)
			repeated = append(repeated, more...)
		}
	}
	g.nodes = append(g.nodes, repeated...) // types sorts them
	g.compact()
}

// repeated is [batch, tokens, heads·dim] with every head several times, side by side.
func (g *graph) repeated(value string, heads, times int64) (string, []onnx.Node) {
	apart, wide, out := g.fresh(value), g.fresh(value), g.fresh(value)
	return out, []onnx.Node{
		{Name: apart, Op: "Reshape", Inputs: []string{value, g.vector(0, 0, heads, 1, -1)}, Outputs: []string{apart}},
		{Name: wide, Op: "Expand", Inputs: []string{apart, g.vector(1, 1, 1, times, 1)}, Outputs: []string{wide}},
		{Name: out, Op: "Reshape", Inputs: []string{wide, g.vector(0, 0, -1)}, Outputs: []string{out}},
	}
}

// vector is a constant vector.
func (g *graph) vector(v ...int64) string {
	name := fmt.Sprintf("ints%v", v)
	if g.weights[name] == nil {
		raw := make([]byte, 0, 8*len(v))
		for _, i := range v {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(i))
		}
		g.weights[name] = &onnx.Tensor{Name: name, Type: onnx.Int64, Dims: []int64{int64(len(v))}, Raw: raw}
	}
	return name
}

// plain says whether an Attention asks for nothing but heads and scale.
func plain(n *onnx.Node) bool {
	for _, a := range n.Attrs {
		if a.Name != "q_num_heads" && a.Name != "kv_num_heads" && a.Name != "scale" {
			return false
		}
	}
	return true
}

// linears makes one node of rows flattened, multiplied and put back: QuantLinear takes any number of dimensions, its weight
// in the type of activations.
func (g *graph) linears() {
	if g.o.Type == onnx.Float32 {
		return
	}
	for i := range g.nodes {
		n := &g.nodes[i]
		w := g.weights[input(n, 1)]
		flat, back := g.maker(input(n, 0), "Reshape"), g.only(output(n), "Reshape")
		if n.Op != "Gemm" || n.Domain != "" || integer(n, "transB") != 1 || flat == nil || back == nil || !g.half(w) {
			continue
		}
		out, in := w.Dims[0], w.Dims[1]
		inputs := []string{flat.Inputs[0], g.halved(w), "", "", "", ""}
		if b := input(n, 2); b != "" {
			inputs = append(inputs, b)
		}
		*back = own(quantLinear, n.Name, inputs, back.Outputs, onnx.Str("format", halves[g.o.Type]), onnx.Int("in_features", in), onnx.Int("out_features", out))
		*n = onnx.Node{}
	}
	g.dropUnused("Reshape")
}

func output(n *onnx.Node) string {
	if len(n.Outputs) == 0 {
		return ""
	}
	return n.Outputs[0]
}

// half says whether a weight can be stored in 16 bits: float32, two dimensions, content that is not fixed elsewhere.
func (g *graph) half(w *onnx.Tensor) bool {
	return w != nil && w.Type == onnx.Float32 && len(w.Dims) == 2 && w.External == nil && (w.Content != nil || w.Raw != nil)
}

// halved is the weight as BF16 or FP16 bytes, under the name that the format has in bundles.
func (g *graph) halved(w *onnx.Tensor) string {
	name := w.Name + codesOf[g.o.Type]
	if g.weights[name] == nil {
		content, raw := w.Content, w.Raw
		if content == nil {
			content = func(to io.Writer) error { _, err := to.Write(raw); return err }
		}
		g.weights[name] = &onnx.Tensor{Name: name, Type: onnx.Uint8, Dims: []int64{w.Dims[0], 2 * w.Dims[1]}, Content: halving(content, g.o.Type, w.Name, false)}
	}
	return name
}

// codesOf ends the names of weights that are held as bytes in a type.
var codesOf = map[onnx.DType]string{onnx.BFloat16: ".codes", onnx.Float16: ".fp16.codes"}

// gelus has the product apply a GELU that nothing else stands before.
func (g *graph) gelus() {
	for i := range g.nodes {
		n := &g.nodes[i]
		if !g.is(n, quantLinear) || g.coded(n) {
			continue
		}
		if act := g.only(output(n), "Gelu"); act != nil && text(act, "approximate") == "tanh" {
			n.Attrs = append(n.Attrs, onnx.Str("epilogue", "gelu_tanh"))
			n.Outputs = act.Outputs
			*act = onnx.Node{}
		}
	}
}

// coded says whether a product is to multiply codes by codes. What its sizes must be is the tensor cores' rule. Activations that the
// checkpoint itself has rounded to FP8, by its own scales, are not rounded once more by others.
func (g *graph) coded(n *onnx.Node) bool {
	return g.o.Codes && g.o.Type != onnx.Float32 && g.is(n, quantLinear) && text(n, "format") == "fp8" &&
		integer(n, "in_features")%16 == 0 && integer(n, "out_features")%16 == 0 && !g.rounded(n.Inputs[0])
}

// rounded says whether a value is of FP8, in whatever type, or a number of times that.
func (g *graph) rounded(v string) bool {
	for {
		at, ok := g.made[v]
		if !ok || g.nodes[at].Op != "Cast" && (g.nodes[at].Op != "Mul" || !strings.HasPrefix(g.nodes[at].Inputs[1], "float ")) {
			return false
		}
		if n := &g.nodes[at]; integer(n, "to") == int64(onnx.Float8E4M3) {
			return true
		}
		v = g.nodes[at].Inputs[0]
	}
}

// dropUnused takes out nodes of an operator whose results nobody takes.
func (g *graph) dropUnused(op string) {
	g.compact()
	for i := range g.nodes {
		if n := &g.nodes[i]; n.Op == op && n.Domain == "" && len(g.used[output(n)]) == 0 {
			*n = onnx.Node{}
		}
	}
}

// Products makes the products of m QuantLinear nodes with BF16 weights, and changes nothing else.
func Products(m *onnx.Model) error {
	g := newGraph(m, Options{Type: onnx.BFloat16})
	g.linears()
	g.store()
	return nil
}
