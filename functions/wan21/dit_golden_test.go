package wan21

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

func TestGoldenTransformer(t *testing.T)    { transformerGolden(t, "wan_transformer") }
func TestGoldenTransformerI2V(t *testing.T) { transformerGolden(t, "wan_transformer_i2v") }

func transformerGolden(t *testing.T, name string) {
	g := golden.Open(t, name)
	var c TransformerConfig
	g.Config(&c)
	c = c.WithDefaults()
	net, err := Transformer(c, nn.Options{Weights: g.Weights("w.")})
	s := compiletest.Open(t, net, err)

	latent, shape := g.Tensor("in.hidden_states")
	batch, frames, height, width := shape[0], shape[2], shape[3], shape[4]
	grid := c.grid(frames, height, width)
	rows, each := grid[0]*grid[1]*grid[2], int64(len(latent))/batch
	var tokens, times []float32
	steps, _ := g.Tensor("in.timestep")
	for b := range batch {
		tokens = append(tokens, patchify(latent[b*each:(b+1)*each], c.InChannels, frames, height, width, c.PatchSize)...)
		times = append(times, nn.Sinusoid(steps[b], c.FreqDim)...)
	}
	text, textShape := g.Tensor("in.encoder_hidden_states")
	in := engine.Values{
		ditTokens:  engine.Floats(tokens, batch, rows, c.InChannels*c.patchVolume()),
		ditTime:    engine.Floats(times, batch, c.FreqDim),
		ditContext: engine.Floats(text, textShape...),
	}
	cos, sin := c.rotary(grid, batch)
	in[ditCos], in[ditSin] = cos, sin
	if c.ImageDim > 0 {
		image, imageShape := g.Tensor("in.encoder_hidden_states_image")
		in[ditImage] = engine.Floats(image, imageShape...)
	}
	got := compiletest.Run(t, s, in).Float32(ditSample)
	var sample []float32
	for each, b := int64(len(got))/batch, int64(0); b < batch; b++ {
		sample = append(sample, unpatchify(got[b*each:(b+1)*each], c.OutChannels, frames, height, width, c.PatchSize)...)
	}
	want, _ := g.Tensor("out.sample")
	golden.Near(t, name, sample, want, 1e-4)
}
