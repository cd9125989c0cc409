package wan

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/compile/compiletest"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/golden"
)

func TestGoldenTransformer(t *testing.T)    { transformerGolden(t, "wan_transformer") }
func TestGoldenTransformerI2V(t *testing.T) { transformerGolden(t, "wan_transformer_i2v") }

func TestGoldenTransformer22T2V(t *testing.T) { transformerGolden(t, "wan22_transformer_t2v") }
func TestGoldenTransformer22I2V(t *testing.T) { transformerGolden(t, "wan22_transformer_i2v") }

// Every token at a timestep of its own, all at one, and one for the whole clip: one graph answers them all.
func TestGoldenTransformer22TI2V(t *testing.T) {
	g := golden.Open(t, "wan22_transformer_ti2v")
	var c TransformerConfig
	g.Config(&c)
	c.PerToken = true
	for _, suffix := range []string{"", "_mixed", "_whole", "_equal"} {
		sampleGolden(t, g, c, g.Weights("w."), "in.timestep"+suffix, "out.sample"+suffix, 2e-5)
	}
}

func transformerGolden(t *testing.T, name string) {
	g := golden.Open(t, name)
	var c TransformerConfig
	g.Config(&c)
	sampleGolden(t, g, c, g.Weights("w."), "in.timestep", "out.sample", 1e-4)
}

// runTransformer answers a golden file's question at its timesteps: one for each row of the batch, or one for each token.
func runTransformer(t *testing.T, g *golden.Case, c TransformerConfig, s engine.Session, timestep string) []float32 {
	t.Helper()
	latent, shape := g.Tensor("in.hidden_states")
	batch, frames, height, width := shape[0], shape[2], shape[3], shape[4]
	grid := c.grid(frames, height, width)
	rows, each := grid[0]*grid[1]*grid[2], int64(len(latent))/batch
	var tokens []float32
	for b := range batch {
		tokens = append(tokens, patchify(latent[b*each:(b+1)*each], c.InChannels, frames, height, width, c.PatchSize)...)
	}
	text, textShape := g.Tensor("in.encoder_hidden_states")
	in := engine.Values{
		ditTokens:  engine.Floats(tokens, batch, rows, c.InChannels*c.patchVolume()),
		ditContext: engine.Floats(text, textShape...),
	}
	steps, _ := g.Tensor(timestep)
	c.times(in, steps, batch, rows)
	in[ditCos], in[ditSin] = c.rotary(grid, batch)
	if c.ImageDim > 0 {
		image, imageShape := g.Tensor("in.encoder_hidden_states_image")
		in[ditImage] = engine.Floats(image, imageShape...)
	}
	got := compiletest.Run(t, s, in).Float32(ditSample)
	var sample []float32
	for each, b := int64(len(got))/batch, int64(0); b < batch; b++ {
		sample = append(sample, unpatchify(got[b*each:(b+1)*each], c.OutChannels, frames, height, width, c.PatchSize)...)
	}
	return sample
}
