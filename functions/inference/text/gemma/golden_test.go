package gemma

import (
	"fmt"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// LTX-2's bundles have this encoder in FP16.
func init() { compiletest.BearsFP16 = func(string) bool { return true } }

// TestGoldenEncoder compares every layer's states where a token stands: at padding they depend on how a row that sees nothing
// is handled, and nobody reads them.
func TestGoldenEncoder(t *testing.T) {
	g := golden.Open(t, "gemma3_text")
	c, err := ParseConfig([]byte(g.Metadata()["config"]))
	if err != nil {
		t.Fatal(err)
	}
	net, err := Encoder(c, nn.Options{Weights: g.Weights("w.")})
	s := compiletest.Open(t, net, err)
	ids, shape := g.Ints("in.input_ids")
	counts, _ := g.Ints("in.attention_mask")
	got := compiletest.Run(t, s, c.Inputs(ids, counts, shape[0])).Float32(Hidden)
	states := c.Layers + 1
	for layer := range states {
		want, _ := g.Tensor(fmt.Sprintf("out.hidden_states.%d", layer))
		var a, b []float32
		for token, n := range counts {
			if n == 0 {
				continue
			}
			for i := range c.Hidden {
				at := int64(token)*c.Hidden + i
				a, b = append(a, got[at*states+layer]), append(b, want[at])
			}
		}
		golden.Near(t, fmt.Sprintf("layer %d", layer), a, b, 1e-5)
	}
}
