package form

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Exact is the end of the name of nodes that TensorRT 8.6 must not run in FP16: sums of squares pass its greatest number.
const Exact = "/exact"

// lowering replaces what opset 17 has not by what it has. Every node keeps its results' names.
type lowering struct {
	g     *Graph
	nodes []onnx.Node
	made  map[string]onnx.Node // value → the node that makes it
	held  map[string]*onnx.Tensor
	fresh []onnx.Tensor
	seen  map[string]bool
	last  map[string]int64 // last dimensions that a shape of a node made here hides
	at    string           // the name of the node being replaced
	count int

	slices int64 // of attention's queries
}

func newLowering(g *Graph) *lowering {
	l := &lowering{g: g, made: map[string]onnx.Node{}, held: map[string]*onnx.Tensor{}, seen: map[string]bool{}, last: map[string]int64{}}
	for i := range g.Model.Graph.Initializers {
		l.held[g.Model.Graph.Initializers[i].Name] = &g.Model.Graph.Initializers[i]
	}
	return l
}

// lowered are the operators that are replaced. Each emits nodes of which the last makes the node's result.
var lowered = map[string]func(l *lowering, n *onnx.Node) error{
	"Attention": (*lowering).attention, "RotaryEmbedding": (*lowering).rotary, "RMSNormalization": (*lowering).rmsNorm,
	"LayerNormalization": (*lowering).layerNorm, "Gelu": (*lowering).gelu, "ReduceL2": (*lowering).length, "Shape": (*lowering).shape,
	"Split": (*lowering).split, "Pad": (*lowering).pad, "Add": (*lowering).add,
}

// takes is the least number of inputs that a node of an operator has, where its lowering or that of another reads them.
var takes = map[string]int{"Attention": 3, "RotaryEmbedding": 3, "RMSNormalization": 2, "LayerNormalization": 2, "Gelu": 1, "ReduceL2": 1, "Shape": 1,
	"Split": 1, "Pad": 2, "Gemm": 2, "MatMul": 2, "Reshape": 2, "Cast": 1, "Identity": 1, "Add": 2, "Mul": 2, "Div": 2, "Transpose": 1, "Concat": 1, "Slice": 1}

func (l *lowering) run() error {
	for _, n := range l.g.Model.Graph.Nodes {
		l.at, l.count = n.Name, 0
		if len(n.Inputs) < takes[n.Op] || len(n.Outputs) == 0 {
			return fmt.Errorf("node %s (%s) has %d inputs and %d results: %w", n.Name, n.Op, len(n.Inputs), len(n.Outputs), errdefs.ErrInvalidArgument)
		}
		replace, ok := lowered[n.Op]
		if !ok {
			l.emit(n)
			continue
		}
		if err := replace(l, &n); err != nil {
			return fmt.Errorf("node %s (%s) for TensorRT 8.6: %w", n.Name, n.Op, err)
		}
	}
	l.g.Model.Graph.Nodes = alive(l.nodes, l.g.Model.Graph.Outputs)
	l.g.Model.Graph.Initializers = append(l.g.Model.Graph.Initializers, l.fresh...)
	return nil
}

// alive are the nodes that some output needs.
func alive(nodes []onnx.Node, outputs []onnx.ValueInfo) []onnx.Node {
	wanted := map[string]bool{}
	for _, o := range outputs {
		wanted[o.Name] = true
	}
	var kept []onnx.Node
	for _, n := range slices.Backward(nodes) { // makers stand before takers
		if !slices.ContainsFunc(n.Outputs, func(v string) bool { return wanted[v] }) {
			continue
		}
		for _, v := range n.Inputs {
			wanted[v] = true
		}
		kept = append(kept, n)
	}
	slices.Reverse(kept)
	return kept
}

// add keeps a sum as it is, unless a convolution makes one side: TensorRT 8.6 takes such a sum into the convolution as its
// residual, and in the Wan VAE's later chunks ends there (graphOptimizer.cpp, residual->extent == output->extent). It takes no
// difference in: a + b is a - (-b) then, the same number.
func (l *lowering) add(n *onnx.Node) error {
	for i, v := range n.Inputs[:2] {
		if l.made[v].Op == "Conv" {
			return l.end(n, "Sub", []string{n.Inputs[1-i], l.op("Neg", []string{v})})
		}
	}
	l.emit(*n)
	return nil
}

func (l *lowering) emit(n onnx.Node) {
	for _, v := range n.Outputs {
		l.made[v] = n
	}
	l.nodes = append(l.nodes, n)
}

// op adds a node and gives the name of its result.
func (l *lowering) op(op string, in []string, attrs ...onnx.Attr) string {
	l.count++
	name := fmt.Sprintf("%s/%d.%s", l.at, l.count, op)
	l.emit(onnx.Node{Name: name, Op: op, Inputs: in, Outputs: []string{name}, Attrs: attrs})
	return name
}

// exact is op for what FP16 cannot hold.
func (l *lowering) exact(op string, in []string, attrs ...onnx.Attr) string {
	v := l.op(op, in, attrs...)
	l.nodes[len(l.nodes)-1].Name += Exact
	return v
}

// end has the last node make a result of the node being replaced.
func (l *lowering) end(n *onnx.Node, op string, in []string, attrs ...onnx.Attr) error {
	l.emit(onnx.Node{Name: n.Name, Op: op, Inputs: in, Outputs: n.Outputs[:1], Attrs: attrs})
	return nil
}

func (l *lowering) constant(name string, t onnx.Tensor) string {
	if !l.seen[name] {
		l.seen[name] = true
		t.Name = name
		l.fresh = append(l.fresh, t)
		l.held[name] = &t
	}
	return name
}

func (l *lowering) float(f float64) string {
	raw := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(f)))
	return l.constant(fmt.Sprintf("eight/float %g", f), onnx.Tensor{Type: onnx.Float32, Raw: raw})
}

func (l *lowering) ints(v ...int64) string {
	var raw []byte
	for _, i := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(i))
	}
	return l.constant(fmt.Sprintf("eight/ints %v", v), onnx.Tensor{Type: onnx.Int64, Dims: []int64{int64(len(v))}, Raw: raw})
}

// intsOf reads a constant vector; nil when v is none.
func (l *lowering) intsOf(v string) []int64 {
	t := l.held[v]
	if t == nil || t.Type != onnx.Int64 {
		return nil
	}
	raw := l.g.content(t)
	out := make([]int64, len(raw)/8)
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return out
}

func attr(n *onnx.Node, name string) (onnx.Attr, bool) {
	i := slices.IndexFunc(n.Attrs, func(a onnx.Attr) bool { return a.Name == name })
	if i < 0 {
		return onnx.Attr{}, false
	}
	return n.Attrs[i], true
}

func without(attrs []onnx.Attr, names ...string) []onnx.Attr {
	return slices.DeleteFunc(slices.Clone(attrs), func(a onnx.Attr) bool { return slices.Contains(names, a.Name) })
}

// lastDim is the size of the last dimension of v where weights tell it; 0 where they do not.
func (l *lowering) lastDim(v string) int64 {
	for range 16 {
		n, ok := l.made[v]
		if !ok || l.last[v] > 0 {
			return l.last[v]
		}
		switch n.Op {
		case "Gemm", "MatMul":
			return l.columns(&n)
		case "Reshape":
			if d := l.intsOf(n.Inputs[1]); len(d) > 0 && d[len(d)-1] > 0 {
				return d[len(d)-1]
			}
			if c, ok := l.made[n.Inputs[1]]; ok && c.Op == "Concat" {
				if d := l.intsOf(c.Inputs[len(c.Inputs)-1]); len(d) > 0 && d[len(d)-1] > 0 {
					return d[len(d)-1]
				}
			}
			return 0
		case "Add", "Mul", "Cast", "Identity", "Div", "DequantizeLinear", "QuantizeLinear":
			v = n.Inputs[0]
		default:
			return 0
		}
	}
	return 0
}

// columns is how many a product's result has.
func (l *lowering) columns(n *onnx.Node) int64 {
	w := n.Inputs[1]
	at := 1
	if a, ok := attr(n, "transB"); ok && a.I == 1 {
		at = 0
	}
	if m, ok := l.made[w]; ok && m.Op == "Transpose" {
		w, at = m.Inputs[0], 1-at
	}
	for range 2 {
		if m, ok := l.made[w]; ok && (m.Op == "DequantizeLinear" || m.Op == "QuantizeLinear") {
			w = m.Inputs[0]
		}
	}
	if t := l.held[w]; t != nil && len(t.Dims) == 2 {
		return t.Dims[at]
	}
	return 0
}

func missing(what string) error { return fmt.Errorf("%s: %w", what, errdefs.ErrNotImplemented) }
