package fuse

import (
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// innerAxis is where a clip's dimension is when its channels are innermost.
var innerAxis = map[int64]int64{0: 0, 1: 4, 2: 1, 3: 2, 4: 3}

// arranges has a node that only arranges clips do so with their channels innermost, where they come that way: cells of points that a
// convolution has made as channels, frames that are left out, clips that are put beside each other, sizes. It says whether it has.
func (l *layout) arranges(n *onnx.Node) bool {
	if !l.pixels || n.Domain != "" {
		return false
	}
	switch n.Op {
	case "Reshape":
		return l.toSpace(n)
	case "Slice":
		axis := l.ints(input(n, 3))
		if len(axis) != 1 || input(n, 4) != "" || l.inner[n.Inputs[0]] == "" {
			return false
		}
		in := []string{l.inner[n.Inputs[0]], n.Inputs[1], n.Inputs[2], l.constant(innerAxis[axis[0]])}
		l.put(onnx.Node{Name: n.Name, Op: n.Op, Inputs: in, Outputs: []string{l.name(n.Outputs[0])}})
	case "Concat":
		if slices.ContainsFunc(n.Inputs, func(v string) bool { return l.inner[v] == "" }) {
			return false
		}
		var in []string
		for _, v := range n.Inputs {
			in = append(in, l.inner[v])
		}
		l.put(onnx.Node{Name: n.Name, Op: n.Op, Inputs: in, Outputs: []string{l.name(n.Outputs[0])}, Attrs: []onnx.Attr{onnx.Int("axis", innerAxis[integer(n, "axis")])}})
	case "Shape":
		at := integer(n, "start")
		if l.inner[n.Inputs[0]] == "" || integer(n, "end") != at+1 {
			return false
		}
		at = innerAxis[at]
		l.put(onnx.Node{Name: n.Name, Op: n.Op, Inputs: []string{l.inner[n.Inputs[0]]}, Outputs: n.Outputs, Attrs: []onnx.Attr{onnx.Int("start", at), onnx.Int("end", at+1)}})
		l.outer[n.Outputs[0]] = n.Outputs[0]
	default:
		return false
	}
	return true
}

// toSpace takes what spreads channels to cells of points: [1, C · cell, T, H, W] becomes [1, C, T · t, H · h, W · w] by two reshapes with a
// transposition between them.
func (l *layout) toSpace(n *onnx.Node) bool {
	turn := l.maker(n.Inputs[0], "Transpose")
	if turn == nil || !slices.Equal(numbers(turn, "perm"), []int64{0, 1, 5, 2, 6, 3, 7, 4}) {
		return false
	}
	apart := l.maker(turn.Inputs[0], "Reshape")
	if apart == nil || l.inner[apart.Inputs[0]] == "" {
		return false
	}
	cell, sizes := l.cell(apart), l.maker(n.Inputs[1], "Concat")
	if cell == nil || sizes == nil || len(sizes.Inputs) != 5 {
		return false
	}
	made := n.Outputs[0]
	name := func(what string) string { return made + "." + what }
	l.put(onnx.Node{Name: name("apart"), Op: "Reshape", Inputs: []string{l.inner[apart.Inputs[0]], l.constant(append([]int64{0, 0, 0, 0}, cell...)...)}, Outputs: []string{name("apart")}})
	l.put(onnx.Node{Name: name("turned"), Op: "Transpose", Inputs: []string{name("apart")}, Outputs: []string{name("turned")}, Attrs: []onnx.Attr{onnx.Ints("perm", 0, 1, 5, 2, 6, 3, 7, 4)}})
	l.put(onnx.Node{Name: name("sizes"), Op: "Gather", Inputs: []string{n.Inputs[1], l.constant(0, 2, 3, 4, 1)}, Outputs: []string{name("sizes")}})
	l.put(onnx.Node{Name: n.Name, Op: "Reshape", Inputs: []string{name("turned"), name("sizes")}, Outputs: []string{l.name(made)}})
	return true
}

// cell is into what a reshape takes the channels of a clip apart, [channels, t, h, w]; nil where it does anything else.
func (l *layout) cell(apart *onnx.Node) []int64 {
	shape := l.maker(apart.Inputs[1], "Concat")
	if shape == nil || len(shape.Inputs) != 5 {
		return nil
	}
	for i, axis := range map[int]int64{0: 0, 2: 2, 3: 3, 4: 4} {
		if d := l.maker(shape.Inputs[i], "Shape"); d == nil || d.Inputs[0] != apart.Inputs[0] || integer(d, "start") != axis || integer(d, "end") != axis+1 {
			return nil
		}
	}
	if v := l.ints(shape.Inputs[1]); len(v) == 4 {
		return v
	}
	return nil
}

// lowers has a convolution give a multiple of what it gives, where nothing else wants that.
func (l *layout) lowers(n *onnx.Node) bool {
	if !l.pixels || n.Op != "Mul" || n.Domain != "" || len(l.used[n.Inputs[0]]) != 1 {
		return false
	}
	factor, conv := l.weights[n.Inputs[1]], l.clipConv(n.Inputs[0])
	if factor == nil || len(factor.Raw) != 4 || conv == nil || len(conv.Inputs) != 4 {
		return false
	}
	conv.Attrs = append(conv.Attrs, onnx.Float("scale", float32At(factor.Raw)))
	conv.Outputs[0] = l.name(n.Outputs[0])
	return true
}

// clipConv is the convolution that has made a value with its channels innermost.
func (l *layout) clipConv(value string) *onnx.Node {
	i := slices.IndexFunc(l.out, func(o onnx.Node) bool { return l.is(&o, clipConv) && o.Outputs[0] == l.inner[value] })
	if i < 0 || l.inner[value] == "" {
		return nil
	}
	return &l.out[i]
}
