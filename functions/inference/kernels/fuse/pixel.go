package fuse

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// pixelNorms makes one node of x / √(ε + the mean of x² over the channels), in an autoencoder of clips, and of the SiLU behind it:
// the norm over the channels whose gamma is the root of their number, with ε under the root. The operator does not know float32.
func (g *graph) pixelNorms() {
	if g.o.Type == onnx.Float32 || !g.overClips() {
		return
	}
	for i := range g.nodes {
		div := &g.nodes[i]
		square, epsilon := g.pixelNorm(div)
		if square == nil {
			continue
		}
		x, out, act := div.Inputs[0], div.Outputs, "none"
		s := g.silu(output(div))
		if s != nil {
			out, act = s.Outputs, "silu"
		}
		channels := g.channelsAt(out[0])
		if channels == 0 {
			continue
		}
		if s != nil {
			*g.maker(s.Inputs[1], "Sigmoid") = onnx.Node{}
			*s = onnx.Node{}
		}
		*div = own(channelNorm, div.Name, []string{x, g.roots(channels)}, out,
			onnx.Float("epsilon", 1e-12), onnx.Str("activation", act), onnx.Float(under, epsilon*float32(channels)))
		*square = onnx.Node{}
		g.pixels = true
	}
	g.dropUnread()
}

// under is the attribute of a norm over the channels that is added to the sum of their squares.
const under = "under"

// overClips says whether all convolutions are over frames, height and width.
func (g *graph) overClips() bool {
	convs := 0
	for i := range g.nodes {
		if n := &g.nodes[i]; n.Op == "Conv" && n.Domain == "" {
			w := g.weights[input(n, 1)]
			if w == nil || len(w.Dims) != 5 {
				return false
			}
			convs++
		}
	}
	return convs > 0
}

// pixelNorm finds the node that squares what a division norms, and the norm's epsilon; nil: the node is something else.
func (g *graph) pixelNorm(div *onnx.Node) (square *onnx.Node, epsilon float32) {
	if div.Op != "Div" || len(div.Inputs) != 2 {
		return nil, 0
	}
	value := div.Inputs[1]
	var of [3]*onnx.Node
	for i, op := range []string{"Sqrt", "Add", "ReduceMean"} {
		if of[i] = g.maker(value, op); of[i] == nil || len(g.used[value]) != 1 {
			return nil, 0
		}
		value = of[i].Inputs[0]
	}
	square = g.maker(value, "Mul")
	eps := g.weights[input(of[1], 1)]
	if square == nil || square.Inputs[0] != div.Inputs[0] || square.Inputs[1] != div.Inputs[0] || !slices.Equal(g.ints(input(of[2], 1)), []int64{1}) ||
		eps == nil || eps.Type != onnx.Float32 || len(eps.Raw) != 4 {
		return nil, 0
	}
	return square, float32At(eps.Raw)
}

// float32At is the number that bytes begin with.
func float32At(raw []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(raw)) }

// channelsAt is how many channels the convolution takes that a value goes to, past what pads it; 0 where it goes elsewhere.
func (g *graph) channelsAt(value string) int64 {
	for {
		if pad := g.only(value, "Pad"); pad != nil {
			value = output(pad)
			continue
		}
		conv := g.only(value, "Conv")
		if conv == nil {
			return 0
		}
		return g.weights[conv.Inputs[1]].Dims[1]
	}
}

// roots is the gamma of a norm by the mean of so many channels.
func (g *graph) roots(channels int64) string {
	name := fmt.Sprintf("fused/root.%d", channels)
	if g.weights[name] == nil {
		bits := math.Float32bits(float32(math.Sqrt(float64(channels))))
		var raw []byte
		for range channels {
			raw = binary.LittleEndian.AppendUint32(raw, bits)
		}
		g.weights[name] = &onnx.Tensor{Name: name, Type: onnx.Float32, Dims: []int64{channels}, Raw: raw}
	}
	return name
}
