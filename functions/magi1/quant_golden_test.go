package magi1

import (
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// A checkpoint in the published FP8 layout is read as it is. An activation next to a rounding border takes the other value in
// float32 sums of another order, so that whole layers agree to the format's own error only; one layer's product agrees exactly.
func TestGoldenQuantized(t *testing.T) {
	b := newBench(t, "magi_quant")
	for name, call := range b.c.Calls {
		chunks := b.chunksOf(name, call, 0, kindText)
		seen, v := window{}, map[int][]float32{}
		for i, c := range chunks {
			v[i], seen[c.chunk] = b.run(b.net(true), c, seen)
		}
		want, _ := b.g.Tensor("out." + name + ".velocity")
		golden.Near(t, "velocity", joined(b, chunks, v), want, 3e-2)
		for _, part := range []struct{ layer, in, out string }{{"self_attention.linear_qkv.q", "q_in", "q_out"}, {"mlp.linear_fc2", "fc2_in", "fc2_out"}} {
			b.product(name, part.layer, part.in, part.out)
		}
	}
}

// product runs one quantized layer by itself.
func (b *bench) product(name, layer, in, out string) {
	b.t.Helper()
	x, xs := b.g.Tensor("out." + name + "." + in)
	want, ws := b.g.Tensor("out." + name + "." + out)
	dim, to := xs[len(xs)-1], ws[len(ws)-1]
	quantized := ""
	for _, tensor := range b.g.List("w.") {
		if quantized == "" && strings.HasSuffix(tensor, layer+".weight_scale") { // of the first that has codes
			quantized = strings.TrimSuffix(tensor, ".weight_scale")
		}
	}
	net := nn.New("product", "transformer", nn.Options{Weights: b.g.Weights("w.")})
	v := net.Input("x", onnx.Float32, "rows", dim)
	net.Output("y", net.Dense(v, quantized, dim, to, false), onnx.Float32, "rows", to)
	s := compiletest.Open(b.t, net, nil)
	got := compiletest.Run(b.t, s, engine.Values{"x": engine.Floats(x, int64(len(x))/dim, dim)})
	golden.Near(b.t, layer, got.Float32("y"), want, 1e-5)
}
