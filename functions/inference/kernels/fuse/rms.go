package fuse

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// uncentered is the attribute of a norm that takes no mean away.
var uncentered = onnx.Int("center", 0)

// streamNorms makes RMS norms of the residual stream into norms of ours, which read it as it is: in float32, where the library's takes
// its values in the type of activations, which FP16 has no room for. Those that are modulated take the modulation with them. Norms of
// queries and keys, of what a product has just made, are rms's.
func (g *graph) streamNorms() {
	for i := range len(g.nodes) {
		n := &g.nodes[i]
		if dim := g.dim(input(n, 1)); n.Op != "RMSNormalization" || n.Domain != "" || dim == 0 || dim%vector != 0 || !g.summed(n.Inputs[0]) {
			continue
		}
		plain := false
		for _, at := range g.used[output(n)] {
			plain = !g.modulates(n, &g.nodes[at]) || plain
		}
		if plain {
			*n = own(modulatedNorm, n.Name, []string{n.Inputs[0], n.Inputs[1], ""}, n.Outputs, onnx.Float("one", 0), number(n, "epsilon", 1e-5), uncentered)
		}
	}
	g.dropUnused("RMSNormalization")
	g.dropUnused("Add")
}

// summed says whether a value is the residual stream: a sum of what has tokens, or what the first block is given.
func (g *graph) summed(value string) bool {
	if add := g.maker(value, "Add"); add == nil || add.Domain != "" {
		return g.embedded(value)
	}
	return g.stream(value)
}

// embedded says whether a value goes into a sum of the residual stream as it is, beside a norm.
func (g *graph) embedded(value string) bool {
	if !g.stream(value) {
		return false
	}
	for _, i := range g.used[value] {
		if n := &g.nodes[i]; n.Op == "Add" && n.Domain == "" && len(n.Inputs) == 2 && n.Inputs[0] == value && g.stream(output(n)) {
			return true
		}
	}
	return false
}

// modulates makes one norm of norm·(scale + 1) and the shift that is added to it, where mul is the first of the two.
func (g *graph) modulates(norm, mul *onnx.Node) bool {
	if mul.Op != "Mul" || mul.Domain != "" || mul.Inputs[0] != output(norm) || !g.ones(norm.Inputs[1]) {
		return false
	}
	scale, ok := g.plusOne(mul.Inputs[1])
	add := g.only(output(mul), "Add")
	if !ok || !g.wide(scale) || add == nil || add.Domain != "" || add.Inputs[0] != output(mul) || !g.wide(add.Inputs[1]) {
		return false
	}
	*add = own(modulatedNorm, add.Name, []string{norm.Inputs[0], scale, add.Inputs[1]}, add.Outputs, onnx.Float("one", 1), number(norm, "epsilon", 1e-5), uncentered)
	*mul = onnx.Node{}
	return true
}

// ones says whether a weight is a constant of the formula's, all of ones.
func (g *graph) ones(weight string) bool {
	w := g.weights[weight]
	if w == nil || w.Type != onnx.Float32 || len(w.Raw) == 0 {
		return false
	}
	for at := 0; at < len(w.Raw); at += 4 {
		if math.Float32frombits(binary.LittleEndian.Uint32(w.Raw[at:])) != 1 {
			return false
		}
	}
	return true
}

// apart takes the weight of an RMS norm that is added to the residual stream out of it, to be the sum's gate, which is multiplied in
// float32: without it no value is larger than the root of their number, whatever the weight is. Empty where a value is no such norm.
func (g *graph) apart(value string) (weight string) {
	norm := g.maker(value, rmsRotary)
	if norm == nil || len(norm.Inputs) != 2 || len(g.used[value]) != 1 || g.ones(norm.Inputs[1]) {
		return ""
	}
	weight = norm.Inputs[1]
	dim := g.dim(weight)
	name := fmt.Sprintf("ones %d", dim)
	if g.weights[name] == nil {
		raw := make([]byte, 0, 4*dim)
		for range dim {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(1))
		}
		g.weights[name] = &onnx.Tensor{Name: name, Type: onnx.Float32, Dims: []int64{dim}, Raw: raw}
	}
	norm.Inputs = []string{norm.Inputs[0], name}
	return weight
}

// words says whether a value is rows of an embedding's table, at the most times a number.
func (g *graph) words(value string) bool {
	if mul := g.maker(value, "Mul"); mul != nil && strings.HasPrefix(mul.Inputs[1], "float ") {
		value = mul.Inputs[0]
	}
	if wide := g.maker(value, "Cast"); wide != nil {
		value = wide.Inputs[0]
	}
	rows := g.maker(value, "Gather")
	return rows != nil && g.weights[rows.Inputs[0]] != nil && len(g.weights[rows.Inputs[0]].Dims) == 2
}
