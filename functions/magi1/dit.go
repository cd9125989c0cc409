package magi1

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Inputs and outputs of the transformer's graph. A run is one chunk, or several that do not see each other: attention between
// chunks is causal, so that chunks one after the other, each with the keys and values of those before it, give what all of them
// at once would.
const (
	ditLatent   = "latent"   // [batch, channels, frames, height, width]
	ditTime     = "time"     // [batch, 256], sinusoids of the time
	ditPace     = "pace"     // [batch, 256], sinusoids of the step's length; distilled models only
	ditCaption  = "caption"  // [batch, text, caption_channels], the tokens that count
	ditRow      = "row"      // [batch, caption_channels], what stands for the caption's kind
	ditCos      = "cos"      // [batch, tokens, 3·bands]
	ditSin      = "sin"      // as cos
	ditVelocity = "velocity" // as latent
)

const (
	freqDim    = 256 // of the time's sinusoids
	projGroups = 8   // parts in which self- and cross-attention alternate before the output projection, whatever the head count
)

// keysName and valuesName are the keys and values of a layer: inputs of earlier chunks by slot, outputs by "next".
func keysName(layer int64, slot string) string   { return fmt.Sprintf("k.%d.%s", layer, slot) }
func valuesName(layer int64, slot string) string { return fmt.Sprintf("v.%d.%s", layer, slot) }

const nextSlot = "next"

// dit builds the diffusion transformer.
type dit struct {
	*nn.Net
	c        ModelConfig
	slots    int
	cos, sin onnx.Value
	text     onnx.Value // projected caption
	gate     onnx.Value // SiLU of the condition
}

// Transformer is the graph of a chunk's velocity. slots is how many earlier chunks it can attend to: each layer has as many
// inputs of keys and of values, [batch, tokens, groups·head_dim], of any number of tokens, none too.
func Transformer(c ModelConfig, distilled bool, slots int, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &dit{Net: nn.New("transformer", "transformer", o), c: c, slots: slots}
	latent := g.Input(ditLatent, onnx.Float32, "batch", c.latentChannels(), "frames", "height", "width")
	g.SetBatch(latent)
	g.cos = g.Input(ditCos, onnx.Float32, "batch", "tokens", 3*c.bands())
	g.sin = g.Input(ditSin, onnx.Float32, "batch", "tokens", 3*c.bands())
	x, grid := g.embed(latent)
	sides := g.Concat(0, g.DimOf(latent, 2), g.DimOf(latent, 3), g.DimOf(latent, 4))
	g.condition(distilled)
	for i := range c.NumLayers {
		g.Scoped(fmt.Sprintf("layers.%d", i), func() { x = g.block(x, i) })
	}
	x = g.LayerNormPlusOne(x, "videodit_blocks.final_layernorm", c.HiddenSize, c.Eps)
	x = g.Linear(x, "final_linear.linear", c.HiddenSize, c.OutChannels*c.PatchSize*c.PatchSize, false)
	g.Output(ditVelocity, g.unpatch(x, grid, sides), onnx.Float32, "batch", c.latentChannels(), "frames", "height", "width")
	return g.Net, nil
}

// embed is the patch convolution, as tokens in the order frames, rows, columns; grid is the vector of their numbers.
func (g *dit) embed(latent onnx.Value) (x, grid onnx.Value) {
	c := g.c
	if c.Rescale != 1 {
		latent = g.Mul(latent, g.Float(float32(c.Rescale)))
	}
	if c.HalfChannel {
		latent = g.Concat(1, latent, latent)
	}
	patch := []int64{c.TPatchSize, c.PatchSize, c.PatchSize}
	w := g.Param("x_embedder.weight", append([]int64{c.HiddenSize, c.InChannels}, patch...)...)
	x = g.Op("Conv", []onnx.Value{latent, w}, onnx.Ints("kernel_shape", patch...), onnx.Ints("strides", patch...), onnx.Ints("pads", 0, 0, 0, 0, 0, 0))
	grid = g.Concat(0, g.DimOf(x, 2), g.DimOf(x, 3), g.DimOf(x, 4))
	return g.Transpose(g.Reshape(x, g.Ints(0, c.HiddenSize, -1)), 0, 2, 1), grid
}

// unpatch joins rows of [row, column, channel] into a latent of these sides.
func (g *dit) unpatch(x, grid, sides onnx.Value) onnx.Value {
	c, p := g.c, g.c.PatchSize
	x = g.Reshape(x, g.Concat(0, g.DimOf(x, 0), grid, g.Ints(p, p, c.OutChannels)))
	x = g.Transpose(x, 0, 6, 1, 2, 4, 3, 5) // channel, frame, row with its part, column with its part
	x = g.Reshape(x, g.Concat(0, g.DimOf(x, 0), g.Ints(c.OutChannels), sides))
	if c.HalfChannel {
		x = g.Slice(x, 1, 0, c.latentChannels())
	}
	if c.Rescale != 1 {
		x = g.Div(x, g.Float(float32(c.Rescale)))
	}
	return x
}

// condition is what the time, the pace and the caption's kind say to every block, and the caption as it is attended to.
func (g *dit) condition(distilled bool) {
	c, cond := g.c, g.c.condSize()
	t := g.timeEmbedding(g.Input(ditTime, onnx.Float32, "batch", freqDim))
	if distilled {
		t = g.Add(t, g.timeEmbedding(g.Input(ditPace, onnx.Float32, "batch", freqDim)))
	}
	row := g.Dense(g.Input(ditRow, onnx.Float32, "batch", c.CaptionSize), "y_embedder.y_proj_adaln.0", c.CaptionSize, cond, true)
	g.gate = g.SiLU(g.Add(t, row))
	g.text = g.SiLU(g.Linear(g.Input(ditCaption, onnx.Float32, "batch", "text", c.CaptionSize), "y_embedder.y_proj_xattn.0", c.CaptionSize, c.HiddenSize, true))
}

func (g *dit) timeEmbedding(t onnx.Value) onnx.Value {
	cond := g.c.condSize()
	t = g.SiLU(g.Dense(t, "t_embedder.mlp.0", freqDim, cond, true))
	return g.Dense(t, "t_embedder.mlp.2", cond, cond, true)
}

// block is attention to chunks and caption, then the feed-forward part; both are gated, normalised and added.
func (g *dit) block(x onnx.Value, layer int64) onnx.Value {
	c, name := g.c, fmt.Sprintf("videodit_blocks.layers.%d.", layer)
	gates := g.Op("Tanh", []onnx.Value{g.Dense(g.gate, name+"ada_modulate_layer.proj.0", c.condSize(), 2*c.HiddenSize, true)})
	gate := g.Split(g.Unsqueeze(gates, 1), 2, 2)
	o := g.Mul(g.attention(x, layer, name+"self_attention."), gate[0])
	x = g.Add(x, g.LayerNormPlusOne(o, name+"self_attn_post_norm", c.HiddenSize, c.Eps))
	m := g.Mul(g.feedForward(x, name+"mlp."), gate[1])
	return g.Add(x, g.LayerNormPlusOne(m, name+"mlp_post_norm", c.HiddenSize, c.Eps*float64(c.room()*c.room())))
}

// room is what a gated product is multiplied by, so that FP16 holds it though both of its factors are large. It is a power of two, and
// the norm behind the next product, whose epsilon has its square, takes it away again: no value changes but by that.
func (c ModelConfig) room() float32 {
	if c.Gated {
		return 1. / 256
	}
	return 1
}

func (g *dit) feedForward(x onnx.Value, name string) onnx.Value {
	c := g.c
	x = g.LayerNorm(x, name+"layer_norm", c.HiddenSize, c.Eps)
	return g.LinearTimes(g.hidden(x, name), name+"linear_fc2", c.FFNSize, c.HiddenSize, c.room())
}

// hidden is what goes into the second product, times room; in float32 where that product rounds it to FP8.
func (g *dit) hidden(x onnx.Value, name string) onnx.Value {
	c := g.c
	single, room := g.RoundsInput(name+"linear_fc2", c.FFNSize, c.HiddenSize), g.Float
	product := func(out int64) onnx.Value {
		y := g.Linear(x, name+"linear_fc1", c.HiddenSize, out, false)
		if single {
			y, room = g.Single(y), g.Builder.Float
		}
		return y
	}
	if !c.Gated {
		return g.Gelu(product(c.FFNSize), false)
	}
	parts := g.Split(product(2*c.FFNSize), 2, 2)
	return g.Mul(g.SiLU(parts[0]), g.Mul(parts[1], room(c.room())))
}
