package gemma

import (
	"math"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// louder has both factors of the gated products, and what the layers add to the residual stream, times a number.
type louder struct {
	golden.Weights
	product, stream float32
}

func (l louder) ReadFloat32(name string, at int64, dst []float32) error {
	err := l.Weights.ReadFloat32(name, at, dst)
	for i := range dst {
		switch {
		case strings.HasSuffix(name, ".mlp.gate_proj.weight"), strings.HasSuffix(name, ".mlp.up_proj.weight"):
			dst[i] *= l.product
		case strings.HasSuffix(name, ".post_feedforward_layernorm.weight"):
			dst[i] = (1+dst[i])*l.stream - 1
		}
	}
	return err
}

// TestWhatIsBeyondFP16 has gated products of hundreds of thousands and a residual stream as large: the graph that a GPU gets in FP16 says
// what float32 says.
func TestWhatIsBeyondFP16(t *testing.T) {
	g := golden.Open(t, "gemma3_text")
	c, err := ParseConfig([]byte(g.Metadata()["config"]))
	if err != nil {
		t.Fatal(err)
	}
	ids, shape := g.Ints("in.input_ids")
	counts, _ := g.Ints("in.attention_mask")
	states := func(form string) []float32 {
		t.Setenv(compiletest.FormEnv, form)
		net, err := Encoder(c, nn.Options{Weights: louder{g.Weights("w."), 600, 3e5}})
		return compiletest.Run(t, compiletest.Open(t, net, err), c.Inputs(ids, counts, shape[0])).Float32(Hidden)
	}
	want, got := states("plain"), states("fp16")
	layers, most := int(c.Layers)+1, 0.0
	for layer := range layers {
		var a, b []float32
		for i := layer; i < len(want); i += layers {
			if counts[i/layers/int(c.Hidden)] > 0 {
				a, b = append(a, got[i]), append(b, want[i])
				most = max(most, math.Abs(float64(want[i])))
			}
		}
		golden.Near(t, "layer", a, b, 3e-2)
	}
	if most < 1e5 {
		t.Errorf("the largest value is %g, which FP16 has", most)
	}
}
