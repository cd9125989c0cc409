package fuse

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// headroom is what the sums of an autoencoder are multiplied by that nothing norms before they are added up, level by level: FP16 then
// holds 64 times as much of them. It is a power of two, and the norms take it away again: no value changes but by that.
const headroom = 1. / 64

// linear are the operators that give a multiple of what they give when all that they take is multiplied by the same.
var linear = map[string]bool{"Add": true, "Concat": true, "Slice": true, "Reshape": true, "Transpose": true, "Pad": true, "Squeeze": true, "Unsqueeze": true,
	"ReduceMean": true, "Identity": true}

// lowered has everything between an autoencoder's convolutions and its norms be headroom times what it is, but what leads to a result. A
// graph with an operator that is not known to allow it stays as it is.
func (g *graph) lowered() {
	if !g.pixels || g.sort() != nil {
		return
	}
	g.compact()
	exact, low := g.unlowered(), map[string]bool{}
	var changes []func()
	var added []onnx.Node
	for i := range g.nodes {
		n := &g.nodes[i]
		from := len(n.Inputs) > 0 && low[n.Inputs[0]]
		switch {
		case n.Op == "Conv":
			to := !exact[output(n)]
			low[output(n)] = to
			changes = append(changes, func() { added = append(added, g.convLowered(n, from, to)...) })
		case linear[n.Op]:
			if slices.ContainsFunc(g.summands(n), func(v string) bool { return low[v] != from }) || from && exact[output(n)] {
				return
			}
			low[output(n)] = from
		case !from || n.Op == "Shape":
		case g.is(n, channelNorm):
			changes = append(changes, func() { scaleAttr(n, under, headroom*headroom) })
		case n.Op == "LayerNormalization":
			changes = append(changes, func() { scaleAttr(n, "epsilon", headroom*headroom) })
		default:
			return
		}
	}
	for _, change := range changes {
		change()
	}
	g.nodes = append(g.nodes, added...)
}

// summands are the inputs of a linear operator that are values, all of the same factor.
func (g *graph) summands(n *onnx.Node) []string {
	if n.Op == "Add" || n.Op == "Concat" {
		return n.Inputs
	}
	return n.Inputs[:1]
}

// unlowered are the values that lead to a result of the graph by linear operators alone.
func (g *graph) unlowered() map[string]bool {
	exact := map[string]bool{}
	for _, o := range g.m.Graph.Outputs {
		exact[o.Name] = true
	}
	for _, n := range slices.Backward(g.nodes) {
		if linear[n.Op] && exact[output(&n)] {
			for _, v := range g.summands(&n) {
				exact[v] = true
			}
		}
	}
	return exact
}

// convLowered has a convolution take, or give, what it did times headroom. It returns what has to stand behind it.
func (g *graph) convLowered(n *onnx.Node, from, to bool) []onnx.Node {
	if from && input(n, 2) != "" {
		n.Inputs = slices.Clone(n.Inputs)
		n.Inputs[2] = g.times(n.Inputs[2])
	}
	if from == to {
		return nil
	}
	factor := float32(headroom)
	if from {
		factor = 1 / factor
	}
	name := fmt.Sprintf("float %g", factor)
	g.weights[name] = &onnx.Tensor{Name: name, Type: onnx.Float32, Raw: binary.LittleEndian.AppendUint32(nil, math.Float32bits(factor))}
	out := output(n)
	whole := out + "/whole"
	n.Outputs = []string{whole}
	return []onnx.Node{{Name: out + "/lowered", Op: "Mul", Inputs: []string{whole, name}, Outputs: []string{out}}}
}

func scaleAttr(n *onnx.Node, name string, by float32) {
	n.Attrs = slices.Clone(n.Attrs)
	for i := range n.Attrs {
		if n.Attrs[i].Name == name {
			n.Attrs[i].F *= by
		}
	}
}

// times is a bias times headroom.
func (g *graph) times(bias string) string {
	w, name := g.weights[bias], bias+".lowered"
	if g.weights[name] == nil {
		content := w.Content
		g.weights[name] = &onnx.Tensor{Name: name, Type: w.Type, Dims: w.Dims, Content: func(to io.Writer) error { return content(&multiplier{to: to}) }}
	}
	return name
}

// multiplier writes float32 numbers on, times headroom.
type multiplier struct {
	to   io.Writer
	held []byte
}

func (m *multiplier) Write(b []byte) (int, error) {
	m.held = append(m.held, b...)
	whole := len(m.held) / 4 * 4
	out := make([]byte, 0, whole)
	for i := 0; i < whole; i += 4 {
		v := math.Float32frombits(binary.LittleEndian.Uint32(m.held[i:])) * headroom
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	m.held = append(m.held[:0], m.held[whole:]...)
	_, err := m.to.Write(out)
	return len(b), err
}
