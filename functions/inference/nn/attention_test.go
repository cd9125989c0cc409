package nn_test

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/footprint"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// attention is one with a bias and one without, in slices.
func attention(slices int) *nn.Net {
	n := nn.New("attention", "attention", nn.Options{Policy: nn.Policy{AttentionSlices: slices}})
	q, k := n.Input("q", onnx.Float32, "batch", "queries", 32), n.Input("k", onnx.Float32, "batch", "keys", 32)
	bias := n.Input("bias", onnx.Float32, 1, 2, "queries", "keys")
	n.Output("plain", n.Attention(q, k, k, "", 2, 0), onnx.Float32, "batch", "queries", 32)
	n.Output("biased", n.Attention(q, k, k, bias, 2, 1), onnx.Float32, "batch", "queries", 32)
	return n
}

// Slices give what the whole gives, for counts of tokens that they divide and others, and take the less memory.
func TestAttentionInSlices(t *testing.T) {
	whole := compiletest.Open(t, attention(1), nil)
	for _, slices := range []int{2, 8} {
		parts := compiletest.Open(t, attention(slices), nil)
		for _, queries := range []int64{1, 5, 9, 64} {
			in := engine.Values{"q": draw(1, 2, queries, 32), "k": draw(2, 2, 40, 32), "bias": draw(3, 1, 2, queries, 40)}
			want, got := compiletest.Run(t, whole, in), compiletest.Run(t, parts, in)
			for _, name := range []string{"plain", "biased"} {
				golden.Near(t, name, got.Float32(name), want.Float32(name), 1e-6)
			}
		}
	}
	if one, eight := peak(t, 1), peak(t, 8); eight*2 > one {
		t.Errorf("the whole takes %d bytes, eight slices %d", one, eight)
	}
}

func draw(seed uint64, shape ...int64) engine.Tensor {
	return engine.Floats(noise.Normal(seed, int(engine.Elements(shape))), shape...)
}

func peak(t *testing.T, slices int) int64 {
	t.Helper()
	m, err := attention(slices).Model()
	if err != nil {
		t.Fatal(err)
	}
	p, err := footprint.Of(m, map[string]int64{"batch": 16, "queries": 1024, "keys": 1024}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.Bytes
}
