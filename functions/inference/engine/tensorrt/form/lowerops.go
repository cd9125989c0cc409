package form

import (
	"fmt"
	"math"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// attention is softmax(q·kᵀ·scale + bias)·v of heads that lie one after another in the last dimension.
func (l *lowering) attention(n *onnx.Node) error {
	heads, _ := attr(n, "q_num_heads")
	kv, _ := attr(n, "kv_num_heads")
	if heads.I < 1 || kv.I != heads.I {
		return missing("heads of queries that share keys, or none")
	}
	if len(n.Inputs) > 4 || len(n.Outputs) > 1 {
		return missing("keys and values of earlier runs")
	}
	q := l.heads(n.Inputs[0], heads.I, 0, 2, 1, 3)
	k := l.heads(n.Inputs[1], heads.I, 0, 2, 3, 1)
	v := l.heads(n.Inputs[2], heads.I, 0, 2, 1, 3)
	scale, err := l.scale(n, q, heads.I)
	if err != nil {
		return err
	}
	q = l.op("Mul", []string{q, scale})
	bias := input(n, 3)
	y := ""
	if l.slices < 2 || bias != "" {
		y = l.mix(q, k, v, bias)
	} else {
		var parts []string
		for _, part := range l.parts(q) {
			parts = append(parts, l.mix(part, k, v, ""))
		}
		y = l.op("Concat", parts, onnx.Int("axis", 2))
	}
	return l.end(n, "Reshape", []string{l.op("Transpose", []string{y}, onnx.Ints("perm", 0, 2, 1, 3)), l.ints(0, 0, -1)})
}

// mix is softmax(q·k + bias)·v.
func (l *lowering) mix(q, k, v, bias string) string {
	scores := l.op("MatMul", []string{q, k})
	if bias != "" {
		scores = l.op("Add", []string{scores, bias})
	}
	return l.op("MatMul", []string{l.op("Softmax", []string{scores}, onnx.Int("axis", -1)), v})
}

// parts are equal ones of the queries.
func (l *lowering) parts(q string) (names []string) {
	l.count++
	name := fmt.Sprintf("%s/%d.Split", l.at, l.count)
	for i := range l.slices {
		names = append(names, fmt.Sprintf("%s:%d", name, i))
	}
	l.emit(onnx.Node{Name: name, Op: "Split", Inputs: []string{q}, Outputs: names, Attrs: []onnx.Attr{onnx.Int("axis", 2)}})
	return names
}

// heads is [batch, tokens, heads·dim] in four dimensions, permuted.
func (l *lowering) heads(v string, heads int64, perm ...int64) string {
	return l.op("Transpose", []string{l.op("Reshape", []string{v, l.ints(0, 0, heads, -1)})}, onnx.Ints("perm", perm...))
}

// scale is the node's own, or 1/√dim: a constant where weights tell dim, as only then TensorRT fuses the whole.
func (l *lowering) scale(n *onnx.Node, q string, heads int64) (string, error) {
	if a, ok := attr(n, "scale"); ok && a.F != 0 {
		return l.float(float64(a.F)), nil
	}
	if d := l.lastDim(n.Inputs[0]); d > 0 {
		return l.float(1 / math.Sqrt(float64(d/heads))), nil
	}
	dim := l.op("Slice", []string{l.op("Shape", []string{q}), l.ints(3), l.ints(4), l.ints(0)})
	root := l.exact("Sqrt", []string{l.op("Cast", []string{dim}, onnx.Int("to", int64(onnx.Float32)))})
	return l.op("Div", []string{l.float(1), root}), nil
}

// rotary turns pairs of a head's elements: neighbours, or one from each half.
func (l *lowering) rotary(n *onnx.Node) error {
	heads, _ := attr(n, "num_heads")
	if heads.I < 1 || len(n.Inputs) != 3 {
		return missing("positions, or an unknown number of heads")
	}
	shape, axis := l.ints(0, 0, heads.I, 2, -1), int64(3)
	if a, ok := attr(n, "interleaved"); ok && a.I == 1 {
		shape, axis = l.ints(0, 0, heads.I, -1, 2), 4
	}
	x := l.op("Reshape", []string{n.Inputs[0], shape})
	part := func(from int64) string {
		return l.op("Squeeze", []string{l.op("Slice", []string{x, l.ints(from), l.ints(from + 1), l.ints(axis)}), l.ints(axis)})
	}
	a, b := part(0), part(1)
	cos, sin := l.op("Unsqueeze", []string{n.Inputs[1], l.ints(2)}), l.op("Unsqueeze", []string{n.Inputs[2], l.ints(2)})
	mul := func(x, y string) string { return l.op("Mul", []string{x, y}) }
	first := l.op("Sub", []string{mul(a, cos), mul(b, sin)})
	second := l.op("Add", []string{mul(a, sin), mul(b, cos)})
	both := l.op("Concat", []string{l.op("Unsqueeze", []string{first, l.ints(axis)}), l.op("Unsqueeze", []string{second, l.ints(axis)})}, onnx.Int("axis", axis))
	l.last[n.Outputs[0]] = l.lastDim(n.Inputs[0])
	return l.end(n, "Reshape", []string{both, l.ints(0, 0, -1)})
}

// mean is over the last dimension, which stays.
func (l *lowering) mean(v string) string {
	return l.exact("ReduceMean", []string{v}, onnx.Ints("axes", -1), onnx.Int("keepdims", 1))
}

// root is √(mean x² + eps).
func (l *lowering) root(n *onnx.Node, x string) string {
	eps := 1e-5
	if a, ok := attr(n, "epsilon"); ok {
		eps = float64(a.F)
	}
	square := l.mean(l.exact("Mul", []string{x, x}))
	return l.exact("Sqrt", []string{l.exact("Add", []string{square, l.float(eps)})})
}

func (l *lowering) onlyLast(n *onnx.Node) error {
	if a, ok := attr(n, "axis"); ok && a.I != -1 {
		return missing("a norm over more than the last dimension")
	}
	return nil
}

func (l *lowering) rmsNorm(n *onnx.Node) error {
	if err := l.onlyLast(n); err != nil {
		return err
	}
	return l.end(n, "Mul", []string{l.exact("Div", []string{n.Inputs[0], l.root(n, n.Inputs[0])}), n.Inputs[1]})
}

func (l *lowering) layerNorm(n *onnx.Node) error {
	if err := l.onlyLast(n); err != nil {
		return err
	}
	x := l.exact("Sub", []string{n.Inputs[0], l.mean(n.Inputs[0])})
	y := l.exact("Div", []string{x, l.root(n, x)})
	if bias := input(n, 2); bias != "" {
		return l.end(n, "Add", []string{l.op("Mul", []string{y, n.Inputs[1]}), bias})
	}
	return l.end(n, "Mul", []string{y, n.Inputs[1]})
}

// gelu is x/2·(1 + erf(x/√2)), or with tanh(√(2/π)·x·(1 + 0.044715·x²)), which FP16 takes without passing its greatest number
// where the value matters.
func (l *lowering) gelu(n *onnx.Node) error {
	x, inner := n.Inputs[0], ""
	if a, ok := attr(n, "approximate"); ok && a.S == "tanh" {
		cubic := l.op("Add", []string{l.op("Mul", []string{l.op("Mul", []string{x, x}), l.float(0.044715)}), l.float(1)})
		inner = l.op("Tanh", []string{l.op("Mul", []string{l.op("Mul", []string{x, l.float(math.Sqrt(2 / math.Pi))}), cubic})})
	} else {
		inner = l.op("Erf", []string{l.op("Mul", []string{x, l.float(1 / math.Sqrt2)})})
	}
	half := l.op("Mul", []string{x, l.float(0.5)})
	return l.end(n, "Mul", []string{half, l.op("Add", []string{inner, l.float(1)})})
}

// length is ReduceL2 with its axes as an attribute.
func (l *lowering) length(n *onnx.Node) error {
	axes := l.intsOf(input(n, 1))
	if axes == nil {
		return missing("axes that are no constants")
	}
	sum := l.exact("ReduceSum", []string{l.exact("Mul", []string{n.Inputs[0], n.Inputs[0]}), n.Inputs[1]}, without(n.Attrs, "noop_with_empty_axes")...)
	n.Name += Exact
	return l.end(n, "Sqrt", []string{sum})
}

// shape is the whole shape and a slice of it: the parser does not read which part is asked for.
func (l *lowering) shape(n *onnx.Node) error {
	start, partial := attr(n, "start")
	end, bounded := attr(n, "end")
	if !partial && !bounded {
		l.emit(*n)
		return nil
	}
	if !bounded {
		end.I = math.MaxInt32
	}
	return l.end(n, "Slice", []string{l.op("Shape", n.Inputs), l.ints(start.I), l.ints(end.I), l.ints(0)})
}

// split says how many parts there are by how many results it has.
func (l *lowering) split(n *onnx.Node) error {
	n.Attrs = without(n.Attrs, "num_outputs")
	l.emit(*n)
	return nil
}

// pad of nothing but zeros, which begins with an empty slice, begins with a slice of one, less itself: TensorRT 8.6 does not
// fill up an empty tensor.
func (l *lowering) pad(n *onnx.Node) error {
	empty, ok := l.made[n.Inputs[0]]
	pads := l.intsOf(input(n, 1))
	if !ok || empty.Op != "Slice" || pads == nil || len(empty.Inputs) != 4 {
		l.emit(*n)
		return nil
	}
	from, to, axis := l.intsOf(empty.Inputs[1]), l.intsOf(empty.Inputs[2]), l.intsOf(empty.Inputs[3])
	if len(from) != 1 || len(to) != 1 || len(axis) != 1 || axis[0] < 0 || axis[0] >= int64(len(pads)) || from[0] != 0 || to[0] != 0 || pads[axis[0]] < 1 {
		l.emit(*n)
		return nil
	}
	one := l.op("Slice", []string{empty.Inputs[0], l.ints(0), l.ints(1), l.ints(axis[0])})
	less := append([]int64{}, pads...)
	less[axis[0]]--
	zeros := l.op("Sub", []string{one, one})
	return l.end(n, "Pad", []string{zeros, l.ints(less...)}, n.Attrs...)
}
