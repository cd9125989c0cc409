package fuse

import (
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

const (
	modulatedNorm = "ModulatedNorm"
	gatedNorm     = "GatedNorm"
	gatedAdd      = "GatedAdd"
	rmsRotary     = "RMSRotary"
	vector        = 8 // elements that a row's length is a multiple of
)

// rms makes one node of an RMS norm and the rotary embedding of neighbouring pairs behind it, and one of a norm alone.
func (g *graph) rms() {
	for i := range g.nodes {
		n := &g.nodes[i]
		dim := g.dim(input(n, 1))
		if n.Op != "RMSNormalization" || n.Domain != "" || dim == 0 || dim%vector != 0 || !g.stream(n.Inputs[0]) {
			continue
		}
		in, out := []string{n.Inputs[0], n.Inputs[1]}, n.Outputs
		attrs := []onnx.Attr{number(n, "epsilon", 1e-5)}
		if turn := g.only(output(n), "RotaryEmbedding"); turn != nil && turn.Domain == "" && integer(turn, "interleaved") == 1 && len(turn.Inputs) == 3 {
			if heads := integer(turn, "num_heads"); heads > 0 && dim%heads == 0 && dim/heads%vector == 0 {
				in, out = append(in, turn.Inputs[1:]...), turn.Outputs
				attrs = append(attrs, onnx.Int("head", dim/heads))
				*turn = onnx.Node{}
			}
		}
		*n = own(rmsRotary, n.Name, in, out, attrs...)
	}
}

// stream says whether a value has tokens: what a product or an operator of ours makes, patches of a picture, what is gated, and sums of such.
func (g *graph) stream(value string) bool {
	i, ok := g.made[value]
	if !ok {
		return false
	}
	n := &g.nodes[i]
	switch {
	case n.Domain == Domain || n.Op == "MultiHeadAttention":
		return true
	case n.Op == "Reshape":
		gemm := g.maker(n.Inputs[0], "Gemm")
		return gemm != nil && g.maker(gemm.Inputs[0], "Reshape") != nil
	case n.Op == "RMSNormalization":
		return g.stream(n.Inputs[0])
	case n.Op == "Add" && len(n.Inputs) == 2:
		return slices.ContainsFunc(n.Inputs, g.stream)
	case n.Op == "Mul" && len(n.Inputs) == 2:
		return g.maker(n.Inputs[1], "Split") != nil && g.stream(n.Inputs[0])
	case n.Op == "Transpose":
		rows := g.maker(n.Inputs[0], "Reshape")
		return rows != nil && g.maker(rows.Inputs[0], "Conv") != nil
	}
	return false
}

// norms makes layer norms with modulation, or with weights of the checkpoint, into nodes of ours.
func (g *graph) norms() {
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.Op != "LayerNormalization" || n.Domain != "" || len(n.Inputs) != 3 || integer(n, "axis") != -1 || !g.stream(n.Inputs[0]) {
			continue
		}
		scale, shift, one := n.Inputs[1], n.Inputs[2], float32(0)
		if w := g.weights[scale]; w != nil {
			if w.Dims[len(w.Dims)-1]%vector != 0 {
				continue
			}
		} else if x, ok := g.plusOne(scale); ok && g.wide(x) {
			scale, one = x, 1
		} else {
			continue
		}
		*n = own(modulatedNorm, n.Name, []string{n.Inputs[0], scale, shift}, n.Outputs, onnx.Float("one", one), number(n, "epsilon", 1e-5))
	}
	g.dropUnused("Add")
}

// plusOne is x of x + 1.
func (g *graph) plusOne(value string) (x string, ok bool) {
	add := g.maker(value, "Add")
	if add == nil || len(add.Inputs) != 2 || add.Inputs[1] != "float 1" {
		return "", false
	}
	return add.Inputs[0], true
}

// wide says whether a part of a modulation has rows of a length that the kernels take: it is split from a sum with a table
// of the checkpoint, whose last dimension says so; all parts lie in it where it is the one that is split.
func (g *graph) wide(value string) bool {
	split := g.maker(value, "Split")
	if split == nil {
		return false
	}
	add := g.maker(split.Inputs[0], "Add")
	if add == nil {
		return false
	}
	return slices.ContainsFunc(add.Inputs, func(v string) bool {
		d, dims := g.rows(v)
		if axis := integer(split, "axis"); d > 0 && (axis == -1 || int(axis) == dims-1) {
			d /= int64(len(split.Outputs))
		}
		return d > 0 && d%vector == 0
	})
}

// rows is the last dimension of a weight, or of what is cut from one along that, and how many dimensions it has.
func (g *graph) rows(value string) (last int64, dims int) {
	if cut := g.maker(value, "Slice"); cut != nil {
		w, from, to, axis := g.weights[cut.Inputs[0]], g.ints(input(cut, 1)), g.ints(input(cut, 2)), g.ints(input(cut, 3))
		if w != nil && len(from) == 1 && len(to) == 1 && len(axis) == 1 && int(axis[0]) == len(w.Dims)-1 && from[0] >= 0 && to[0] <= g.dim(w.Name) {
			return to[0] - from[0], len(w.Dims)
		}
		return 0, 0
	}
	if w := g.weights[value]; w != nil {
		return g.dim(value), len(w.Dims)
	}
	return 0, 0
}

// residuals makes x + gate·y one node, and one with the norm behind it where there is one.
func (g *graph) residuals() {
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.Op != "Add" || n.Domain != "" || len(n.Inputs) != 2 || !g.stream(n.Inputs[0]) && !g.words(n.Inputs[0]) {
			continue
		}
		x, y, gate := n.Inputs[0], n.Inputs[1], ""
		mul := g.maker(y, "Mul")
		if mul != nil && len(g.used[y]) == 1 && g.stream(mul.Inputs[0]) && g.wide(mul.Inputs[1]) {
			y, gate = mul.Inputs[0], mul.Inputs[1]
		} else if mul = nil; !g.stream(y) {
			continue
		} else if gate = g.apart(y); gate == "" && !g.stream(x) {
			continue
		}
		norm := g.normOf(output(n))
		switch {
		case norm != nil:
			h := norm.Outputs[0]
			*n = own(gatedNorm, n.Name, append([]string{x, y, gate}, norm.Inputs[1:]...), []string{n.Outputs[0], h}, norm.Attrs...)
			*norm = onnx.Node{}
		case gate != "":
			*n = own(gatedAdd, n.Name, []string{x, y, gate}, n.Outputs)
		default:
			continue
		}
		if mul != nil {
			*mul = onnx.Node{}
		}
	}
}

// normOf is the one norm of ours that takes a value as its rows.
func (g *graph) normOf(value string) (found *onnx.Node) {
	for _, i := range g.used[value] {
		if n := &g.nodes[i]; g.is(n, modulatedNorm) && n.Inputs[0] == value {
			if found != nil {
				return nil
			}
			found = n
		}
	}
	return found
}
