package text

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
)

func TestGoldenT5Encoder(t *testing.T)   { encoderGolden(t, "t5_encoder") }
func TestGoldenUMT5Encoder(t *testing.T) { encoderGolden(t, "umt5_encoder") }

func encoderGolden(t *testing.T, name string) {
	g := golden.Open(t, name)
	var c T5Config
	g.Config(&c)
	c = c.WithDefaults()
	net, err := T5Encoder(c, g.Weights("w."))
	s := compiletest.Open(t, net, err)
	ids, shape := g.Ints("in.input_ids")
	mask, _ := g.Ints("in.attention_mask")
	batch, tokens := shape[0], shape[1]
	out := compiletest.Run(t, s, engine.Values{
		T5Tokens:  engine.Ints(ids, batch, tokens),
		T5Mask:    engine.Floats(Mask(mask), batch, 1, 1, tokens),
		T5Buckets: engine.Ints(c.Buckets(tokens), tokens, tokens),
	})
	want, _ := g.Tensor("out.last_hidden_state")
	golden.Near(t, name, out.Float32(T5Hidden), want, 1e-4)
}
