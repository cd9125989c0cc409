package fuse

import "github.com/videosdgx/videosdgx/functions/inference/onnx"

const (
	codeLinear   = "CodeLinear"
	quantizeRows = "QuantizeRows"
)

// codes has products of FP8 weights take their activations as codes. Where all who take a norm's result want codes, the norm
// writes them; a GELU is taken in the pass that quantizes; else a pass of its own, shared by all products of one value.
func (g *graph) codes() {
	made := map[string][2]string{}
	for i := range len(g.nodes) {
		if !g.coded(&g.nodes[i]) {
			continue
		}
		x := g.nodes[i].Inputs[0]
		pair, ok := made[x]
		if !ok {
			pair = g.quantized(x)
			made[x] = pair
		}
		n := &g.nodes[i]
		*n = own(codeLinear, n.Name, append([]string{pair[0], pair[1]}, n.Inputs[1:]...), n.Outputs, n.Attrs...)
	}
}

// quantized is the codes and scales of x, by the cheapest way.
func (g *graph) quantized(x string) [2]string {
	pair := [2]string{g.fresh(x), g.fresh(x)}
	at := g.made[x]
	producer, alone := &g.nodes[at], g.allCoded(x)
	switch {
	case alone && g.is(producer, modulatedNorm):
		producer.Op, producer.Outputs = "ModulatedNormCodes", pair[:]
	case alone && g.is(producer, gatedNorm):
		producer.Op, producer.Outputs = "GatedNormCodes", []string{producer.Outputs[0], pair[0], pair[1]}
	case alone && producer.Op == "Gelu" && text(producer, "approximate") == "tanh":
		*producer = own(quantizeRows, producer.Name, producer.Inputs, pair[:], onnx.Str("epilogue", "gelu_tanh"))
	default:
		g.nodes = append(g.nodes, own(quantizeRows, g.fresh("QuantizeRows"), []string{x}, pair[:]))
	}
	return pair
}

func (g *graph) allCoded(x string) bool {
	for _, i := range g.used[x] {
		if !g.coded(&g.nodes[i]) && !g.is(&g.nodes[i], codeLinear) {
			return false
		}
	}
	_, ok := g.made[x]
	return ok
}
