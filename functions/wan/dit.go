package wan

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Inputs and output of the transformer graph.
const (
	ditTokens  = "tokens"  // [batch, patches, in_channels·patch], see patchify
	ditTime    = "time"    // [batch, freq_dim], sinusoids of the timestep; per token [times, freq_dim], each timestep once
	ditWhich   = "which"   // [batch, patches], which of the timesteps a patch is at, per token only
	ditContext = "context" // [batch, text, text_dim]
	ditImage   = "image"   // [batch, image, image_dim], image-to-video only
	ditCos     = "cos"     // [batch, patches, head/2]
	ditSin     = "sin"
	ditSample  = "sample" // [batch, patches, patch·out_channels], see unpatchify
)

// dit builds the diffusion transformer. Patches go in and out: cutting and joining them is the host's part, so that no
// shape but batch, patches and text is dynamic.
type dit struct {
	*nn.Net
	c        TransformerConfig
	cos, sin onnx.Value
	which    onnx.Value // "" where a clip's patches are all at one timestep
}

// Transformer is the graph of WanTransformer3DModel.
func Transformer(c TransformerConfig, o nn.Options) (*nn.Net, error) {
	return namedTransformer(graphTransformer, c, o)
}

// namedTransformer is that of a component of its own name.
func namedTransformer(component string, c TransformerConfig, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &dit{Net: nn.New(component, component, o), c: c}
	dim, patch := c.Dim(), c.patchVolume()
	tokens := g.Input(ditTokens, onnx.Float32, "batch", "patches", c.InChannels*patch)
	time := g.inputTime()
	text := g.Input(ditContext, onnx.Float32, "batch", "text", c.TextDim)
	g.cos = g.Input(ditCos, onnx.Float32, "batch", "patches", c.HeadDim/2)
	g.sin = g.Input(ditSin, onnx.Float32, "batch", "patches", c.HeadDim/2)
	g.SetBatch(tokens)

	x := g.embedPatches(tokens)
	temb, modulation := g.embedTime(time)
	text, image := g.embedContext(text)
	for i := range c.NumLayers {
		g.Scoped(fmt.Sprintf("blocks.%d", i), func() {
			x = g.block(x, modulation, text, image, fmt.Sprintf("blocks.%d.", i))
		})
	}
	parts := g.rows(g.Add(g.Param("scale_shift_table", 1, 2, dim), g.Unsqueeze(temb, 1)), 2)
	x = g.modulate(x, parts[1], parts[0])
	g.Output(ditSample, g.Linear(x, "proj_out", dim, c.OutChannels*patch, true), onnx.Float32, "batch", "patches", c.OutChannels*patch)
	return g.Net, nil
}

// inputTime declares the timesteps. Per token each is embedded once, and a patch looks up its own: no table of modulations is
// as long as the clip.
func (g *dit) inputTime() onnx.Value {
	if !g.c.PerToken {
		return g.Input(ditTime, onnx.Float32, "batch", g.c.FreqDim)
	}
	g.which = g.Input(ditWhich, onnx.Int64, "batch", "patches")
	return g.Input(ditTime, onnx.Float32, "times", g.c.FreqDim)
}

// rows takes n rows of modulation apart: each [batch, 1, dim], or per token [batch, patches, dim].
func (g *dit) rows(m onnx.Value, n int) []onnx.Value {
	rows := g.Split(m, 1, n)
	if g.which == "" {
		return rows
	}
	for i, r := range rows {
		rows[i] = g.Gather(g.Reshape(r, g.Ints(-1, g.c.Dim())), g.which)
	}
	return rows
}

// modulate is the norm without weights, scaled and shifted.
func (g *dit) modulate(x, scale, shift onnx.Value) onnx.Value {
	if g.which == "" {
		return g.Modulate(x, scale, shift, g.c.Eps)
	}
	return g.Add(g.Mul(g.PlainNorm(x, g.c.Dim(), g.c.Eps), g.Add(scale, g.Float(1))), shift)
}

// embedPatches is the patch convolution, whose stride is its kernel: a matrix product over patches.
func (g *dit) embedPatches(tokens onnx.Value) onnx.Value {
	c, dim, wide := g.c, g.c.Dim(), g.c.InChannels*g.c.patchVolume()
	w := g.ParamAs("patch_embedding.weight", append([]int64{dim, c.InChannels}, c.PatchSize...), []int64{dim, wide})
	y := g.Op("Gemm", []onnx.Value{g.Reshape(tokens, g.Ints(-1, wide)), w, g.Param("patch_embedding.bias", dim)}, onnx.Int("transB", 1))
	return g.Reshape(y, g.Concat(0, g.DimOf(tokens, 0), g.Ints(-1, dim)))
}

// embedTime is the time embedding [batch, dim] and the six modulations of every block [batch, 6, dim].
func (g *dit) embedTime(time onnx.Value) (temb, modulation onnx.Value) {
	const name = "condition_embedder.time_"
	dim := g.c.Dim()
	temb = g.SiLU(g.Dense(time, name+"embedder.linear_1", g.c.FreqDim, dim, true))
	temb = g.Dense(temb, name+"embedder.linear_2", dim, dim, true)
	modulation = g.Dense(g.SiLU(temb), name+"proj", dim, 6*dim, true)
	return temb, g.Reshape(modulation, g.Ints(-1, 6, dim))
}

// embedContext projects the text and, for image-to-video, the image. Without projections of their own the image's tokens
// stand before the text's in the same context.
func (g *dit) embedContext(text onnx.Value) (_, image onnx.Value) {
	const name = "condition_embedder."
	c, dim := g.c, g.c.Dim()
	text = g.Gelu(g.Linear(text, name+"text_embedder.linear_1", c.TextDim, dim, true), true)
	text = g.Linear(text, name+"text_embedder.linear_2", dim, dim, true)
	if c.ImageDim == 0 {
		return text, ""
	}
	image = g.embedImage(name + "image_embedder.")
	if c.AddedKVProjDim == 0 {
		return g.Concat(1, image, text), ""
	}
	return text, image
}

func (g *dit) embedImage(name string) onnx.Value {
	const eps = 1e-5 // the default of the reference's norm, which is given none here
	c, in := g.c, g.c.ImageDim
	image := g.Input(ditImage, onnx.Float32, "batch", "image", in)
	x := image
	if c.PosEmbedSeqLen > 0 { // first and last frame: two images' tokens in one row
		x = g.Add(g.Reshape(x, g.Ints(-1, c.PosEmbedSeqLen, in)), g.Param(name+"pos_embed", 1, c.PosEmbedSeqLen, in))
	}
	x = g.LayerNorm(x, name+"norm1", in, eps)
	x = g.Gelu(g.Linear(x, name+"ff.net.0.proj", in, in, true), false)
	return g.LayerNorm(g.Linear(x, name+"ff.net.2", in, c.Dim(), true), name+"norm2", c.Dim(), eps)
}

func (g *dit) block(x, modulation, text, image onnx.Value, name string) onnx.Value {
	c, dim := g.c, g.c.Dim()
	m := g.rows(g.Add(g.Param(name+"scale_shift_table", 1, 6, dim), modulation), 6) // shift, scale, gate; twice
	x = g.Add(x, g.Mul(g.selfAttention(g.modulate(x, m[1], m[0]), name+"attn1."), m[2]))
	h := x
	if c.CrossAttnNorm == nil || *c.CrossAttnNorm {
		h = g.LayerNorm(x, name+"norm2", dim, c.Eps)
	}
	x = g.Add(x, g.crossAttention(h, text, image, name+"attn2."))
	h = g.Linear(g.modulate(x, m[4], m[3]), name+"ffn.net.0.proj", dim, c.FFNDim, true)
	h = g.Linear(g.Gelu(h, true), name+"ffn.net.2", c.FFNDim, dim, true)
	return g.Add(x, g.Mul(h, m[5]))
}

func (g *dit) selfAttention(h onnx.Value, name string) onnx.Value {
	dim, heads := g.c.Dim(), g.c.NumHeads
	q := g.RotaryPairs(g.normed(h, name+"to_q", name+"norm_q", dim), g.cos, g.sin, heads)
	k := g.RotaryPairs(g.normed(h, name+"to_k", name+"norm_k", dim), g.cos, g.sin, heads)
	o := g.Attention(q, k, g.Linear(h, name+"to_v", dim, dim, true), "", heads, 0)
	return g.Linear(o, name+"to_out.0", dim, dim, true)
}

// crossAttention attends to the text and, with projections of its own, to the image; the two are added.
func (g *dit) crossAttention(h, text, image onnx.Value, name string) onnx.Value {
	dim, heads := g.c.Dim(), g.c.NumHeads
	q := g.normed(h, name+"to_q", name+"norm_q", dim)
	o := g.Attention(q, g.normed(text, name+"to_k", name+"norm_k", dim), g.Linear(text, name+"to_v", dim, dim, true), "", heads, 0)
	if image != "" {
		k := g.normed(image, name+"add_k_proj", name+"norm_added_k", g.c.AddedKVProjDim)
		o = g.Add(o, g.Attention(q, k, g.Linear(image, name+"add_v_proj", g.c.AddedKVProjDim, dim, true), "", heads, 0))
	}
	return g.Linear(o, name+"to_out.0", dim, dim, true)
}

// normed is a projection and the RMS norm over all heads together.
func (g *dit) normed(x onnx.Value, linear, norm string, in int64) onnx.Value {
	return g.RMSNorm(g.Linear(x, linear, in, g.c.Dim(), true), norm, g.c.Dim(), g.c.Eps)
}
