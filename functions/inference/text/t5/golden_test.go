package t5

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

func TestGoldenT5Encoder(t *testing.T)   { encoderGolden(t, "t5_encoder") }
func TestGoldenUMT5Encoder(t *testing.T) { encoderGolden(t, "umt5_encoder") }

func encoderGolden(t *testing.T, name string) {
	g := golden.Open(t, name)
	var c Config
	g.Config(&c)
	c = c.WithDefaults()
	net, err := Encoder(c, nn.Options{Weights: g.Weights("w.")})
	s := compiletest.Open(t, net, err)
	ids, shape := g.Ints("in.input_ids")
	mask, _ := g.Ints("in.attention_mask")
	out := compiletest.Run(t, s, c.Inputs(ids, mask, shape[0]))
	want, _ := g.Tensor("out.last_hidden_state")
	golden.Near(t, name, out.Float32(Hidden), want, 1e-4)
}
