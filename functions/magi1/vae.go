package magi1

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Inputs and outputs of the VAE's graphs. The last three of the inputs stretch the table of positions over another grid; see
// VAECoder.stretch.
const (
	vaeVideo   = "video"   // [batch, 3, frames, height, width], in [−1, 1]
	vaeMoments = "moments" // [batch, 2·channels, frames, rows, columns]: means, then logarithms of variances
	vaeLatent  = "latent"  // [batch, channels, frames, rows, columns]
	vaeFrames  = "frames_weights"
	vaeRows    = "rows_weights"
	vaeColumns = "columns_weights"
)

const vaeEps = 1e-5

// vit is what encoder and decoder have in common.
type vit struct {
	*nn.Net
	c    VAECoder
	name string
	ends [3]onnx.Value // weights of positions: frames, rows, columns
}

func newViT(c VAEConfig, graph, name string, o nn.Options) (*vit, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &vit{Net: nn.New(graph, "vae", o), c: c.Coder, name: name}
	return g, nil
}

// positions declares the inputs that stretch the table.
func (g *vit) positions() {
	grid := g.c.grid()
	for i, in := range []struct{ name, dim string }{{vaeFrames, "latent_frames"}, {vaeRows, "rows"}, {vaeColumns, "columns"}} {
		g.ends[i] = g.Input(in.name, onnx.Float32, in.dim, grid[i])
	}
}

// grid is the vector of the numbers of patches.
func (g *vit) grid() onnx.Value {
	return g.Concat(0, g.DimOf(g.ends[0], 0), g.DimOf(g.ends[1], 0), g.DimOf(g.ends[2], 0))
}

// Encoder is the graph from pixels to the moments of latents.
func Encoder(c VAEConfig, o nn.Options) (*nn.Net, error) {
	g, err := newViT(c, "vae_encoder", "encoder.", o)
	if err != nil {
		return nil, err
	}
	d := g.c
	video := g.Input(vaeVideo, onnx.Float32, "batch", d.InChannels, "frames", "height", "width")
	g.SetBatch(video)
	g.positions()
	x := g.Convolve(video, nn.Conv{Name: g.name + "patch_embed.proj", In: d.InChannels, Out: d.Dim, Kernel: [3]int64{d.PatchLength, d.PatchSize, d.PatchSize}, Stride: [3]int64{d.PatchLength, d.PatchSize, d.PatchSize}})
	x = g.Transpose(g.Reshape(x, g.Ints(0, d.Dim, -1)), 0, 2, 1)
	x = g.Linear(g.blocks(x), g.name+"last_layer", d.Dim, 2*d.ZChannels, true)
	x = g.Transpose(g.Slice(x, 1, 1, 1<<40), 0, 2, 1)
	x = g.Reshape(x, g.Concat(0, g.DimOf(video, 0), g.Ints(2*d.ZChannels), g.grid()))
	g.Output(vaeMoments, x, onnx.Float32, "batch", 2*d.ZChannels, "latent_frames", "rows", "columns")
	return g.Net, nil
}

// Decoder is the graph from latents to pixels, a patch of frames for each.
func Decoder(c VAEConfig, o nn.Options) (*nn.Net, error) {
	g, err := newViT(c, "vae_decoder", "decoder.", o)
	if err != nil {
		return nil, err
	}
	d := g.c
	z := g.Input(vaeLatent, onnx.Float32, "batch", d.ZChannels, "latent_frames", "rows", "columns")
	g.SetBatch(z)
	g.positions()
	x := g.Transpose(g.Reshape(z, g.Ints(0, d.ZChannels, -1)), 0, 2, 1)
	x = g.Slice(g.blocks(g.Linear(x, g.name+"proj_in", d.ZChannels, d.Dim, true)), 1, 1, 1<<40)
	channels := d.Dim / d.patch()
	x = g.Reshape(x, g.Concat(0, g.DimOf(z, 0), g.grid(), g.Ints(d.PatchLength, d.PatchSize, d.PatchSize, channels)))
	x = g.Transpose(x, 0, 7, 1, 4, 2, 5, 3, 6) // channel, then frames, rows and columns each with its part
	x = g.merged(x)
	last := nn.Cube(g.name+"last_layer", channels, d.InChannels, 3)
	last.Pads = [6]int64{1, 1, 1, 1, 1, 1}
	g.Output(vaeVideo, g.Convolve(x, last), onnx.Float32, "batch", d.InChannels, "frames", "height", "width")
	return g.Net, nil
}

// merged joins frames, rows and columns to their parts: the columns first, so that what stands before keeps its place.
func (g *vit) merged(x onnx.Value) onnx.Value {
	x = g.Reshape(x, g.Ints(0, 0, 0, 0, 0, 0, -1))
	x = g.Reshape(x, g.Concat(0, g.Ints(0, 0, 0, 0, -1), g.DimOf(x, 6)))
	return g.Reshape(x, g.Concat(0, g.Ints(0, 0, -1), g.DimOf(x, 4), g.DimOf(x, 5)))
}

// blocks are class token, positions, every block and the last norm.
func (g *vit) blocks(x onnx.Value) onnx.Value {
	c := g.c
	token := g.Op("Expand", []onnx.Value{g.Param(g.name+"cls_token", 1, 1, c.Dim), g.Concat(0, g.DimOf(x, 0), g.Ints(1, c.Dim))})
	x = g.Add(g.Concat(1, token, x), g.table())
	for i := range c.Depth {
		name := fmt.Sprintf("%sblocks.%d.", g.name, i)
		g.Scoped(fmt.Sprintf("blocks.%d", i), func() {
			x = g.Add(x, g.attention(x, name+"attn."))
			h := g.Gelu(g.Linear(g.LayerNorm(x, name+"norm2", c.Dim, vaeEps), name+"mlp.fc1", c.Dim, c.hidden(), true), false)
			x = g.Add(x, g.Linear(h, name+"mlp.fc2", c.hidden(), c.Dim, true))
		})
	}
	return g.LayerNorm(x, g.name+"norm", c.Dim, vaeEps)
}

func (c VAECoder) hidden() int64 { return int64(float64(c.Dim) * c.MLPRatio) }

// table is the class token's position and those of the grid, stretched along each axis: [1, 1 + tokens, dim].
func (g *vit) table() onnx.Value {
	c, grid := g.c, g.c.grid()
	all := g.Param(g.name+"pos_embed", 1, 1+grid[0]*grid[1]*grid[2], c.Dim)
	first := g.Slice(all, 1, 0, 1)
	t := g.Reshape(g.Slice(all, 1, 1, 1<<40), g.Ints(grid[0], grid[1]*grid[2]*c.Dim))
	t = g.Reshape(g.MatMul(g.ends[0], t), g.Ints(-1, grid[1], grid[2]*c.Dim))
	t = g.Reshape(g.MatMul(g.ends[1], t), g.Ints(-1, grid[2], c.Dim))
	t = g.Reshape(g.MatMul(g.ends[2], t), g.Ints(1, -1, c.Dim))
	return g.Concat(1, first, t)
}

// attention normalises every head of queries, keys and values, and has no norm before it.
func (g *vit) attention(x onnx.Value, name string) onnx.Value {
	c := g.c
	qkv := g.Reshape(g.Linear(x, name+"qkv", c.Dim, 3*c.Dim, true), g.Ints(0, 0, 3*c.Heads, c.Dim/c.Heads))
	qkv = g.Reshape(g.standardised(qkv), g.Ints(0, 0, 3*c.Dim))
	p := g.Split(qkv, 2, 3)
	return g.Linear(g.Attention(p[0], p[1], p[2], "", c.Heads, 0), name+"proj", c.Dim, c.Dim, true)
}

// standardised is (x − mean)/(deviation + 1e-5) over the last dimension.
func (g *vit) standardised(x onnx.Value) onnx.Value {
	last := g.Ints(-1)
	x = g.Sub(x, g.Op("ReduceMean", []onnx.Value{x, last}))
	deviation := g.Op("Sqrt", []onnx.Value{g.Op("ReduceMean", []onnx.Value{g.Mul(x, x), last})})
	return g.Div(x, g.Add(deviation, g.Float(vaeEps)))
}
