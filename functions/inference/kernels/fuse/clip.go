package fuse

import (
	"regexp"
	"strings"
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

const (
	channelNorm = "ChannelNorm"
	double      = "Double"
	stateNext   = ".next" // ends the name of an output that only a later run takes, as the input of the same name without it
)

// channelNorms makes one node of x / max(‖x‖, ε) · gamma over the channels, and of the SiLU behind it.
func (g *graph) channelNorms() {
	for i := range g.nodes {
		mul := &g.nodes[i]
		if mul.Op != "Mul" || len(mul.Inputs) != 2 || g.weights[mul.Inputs[1]] == nil {
			continue
		}
		div := g.maker(mul.Inputs[0], "Div")
		if div == nil || len(g.used[output(div)]) != 1 {
			continue
		}
		most := g.maker(div.Inputs[1], "Max")
		if most == nil || len(most.Inputs) != 2 || most.Inputs[1] != "float 1e-12" {
			continue
		}
		l2 := g.maker(most.Inputs[0], "ReduceL2")
		if l2 == nil || l2.Inputs[0] != div.Inputs[0] || input(l2, 1) != "ints[1]" {
			continue
		}
		x, out, act := div.Inputs[0], mul.Outputs, "none"
		if s := g.silu(output(mul)); s != nil {
			out, act = s.Outputs, "silu"
			*g.maker(s.Inputs[1], "Sigmoid") = onnx.Node{}
			*s = onnx.Node{}
		}
		*mul = own(channelNorm, mul.Name, []string{x, mul.Inputs[1]}, out, onnx.Float("epsilon", 1e-12), onnx.Str("activation", act))
		*div, *most, *l2 = onnx.Node{}, onnx.Node{}, onnx.Node{}
	}
}

// silu is the node value · sigmoid(value), if nothing else takes the value.
func (g *graph) silu(value string) *onnx.Node {
	if len(g.used[value]) != 2 {
		return nil
	}
	for _, i := range g.used[value] {
		n := &g.nodes[i]
		if n.Op == "Mul" && n.Inputs[0] == value && g.maker(input(n, 1), "Sigmoid") != nil && g.maker(n.Inputs[1], "Sigmoid").Inputs[0] == value {
			return n
		}
	}
	return nil
}

// doubles takes the resize by two, nearest neighbour, that the VAE asks for.
func (g *graph) doubles() {
	for i := range g.nodes {
		n := &g.nodes[i]
		if n.Op == "Resize" && text(n, "mode") == "nearest" && input(n, 2) == "scales.double" {
			*n = own(double, n.Name, n.Inputs[:1], n.Outputs)
		}
	}
}

// narrow has an autoencoder compute in FP16: its activations are normed again and again, so that their range suffices, and three
// more bits of precision show in the picture.
func (g *graph) narrow() {
	if g.o.Type == onnx.BFloat16 && g.autoencoder() {
		g.o.Type = onnx.Float16
	}
}

// states gives what stays on the device from run to run the type of activations: all of an autoencoder's, and what one run leaves
// for several later ones, each in a slot of its own.
func (g *graph) states() {
	clip := g.autoencoder()
	for i := range g.m.Graph.Outputs {
		o := &g.m.Graph.Outputs[i]
		if state, ok := strings.CutSuffix(o.Name, stateNext); ok && o.Type == onnx.Float32 && (clip || g.hasSlots(state)) {
			o.Type = g.o.Type
		}
	}
	for i := range g.m.Graph.Inputs {
		in := &g.m.Graph.Inputs[i]
		if in.Type == onnx.Float32 && (clip && g.isState(in.Name) || g.isSlot(in.Name)) {
			in.Type = g.o.Type
		}
	}
}

func (g *graph) isState(input string) bool {
	for _, o := range g.m.Graph.Outputs {
		if o.Name == input+stateNext {
			return true
		}
	}
	return false
}

// slotForm is the name of an input for what an earlier run has left as "name.next": "name.0", "name.1".
var slotForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(.+)\.[0-9]+$`)
})

// isSlot says whether an input takes what an output of the graph's, of an earlier run, has left.
func (g *graph) isSlot(input string) bool {
	m := slotForm().FindStringSubmatch(input)
	return m != nil && g.isState(m[1])
}

func (g *graph) hasSlots(state string) bool {
	for _, in := range g.m.Graph.Inputs {
		if m := slotForm().FindStringSubmatch(in.Name); m != nil && m[1] == state {
			return true
		}
	}
	return false
}

// autoencoder says whether the graph is an autoencoder's: all of it then computes in the type of activations.
func (g *graph) autoencoder() bool {
	for i := range g.nodes {
		if g.is(&g.nodes[i], channelNorm) || g.is(&g.nodes[i], lastNorm) {
			return true
		}
	}
	return false
}
