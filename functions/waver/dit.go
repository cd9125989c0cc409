package waver

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Inputs and output of the transformer's graph.
const (
	ditTokens  = "tokens" // [1, patches, in_channels·patch]
	ditTime    = "time"   // [1, freq_dim], sinusoids of the timestep
	ditT5      = "t5"     // [1, t5_tokens, t5_dim]
	ditQwen    = "qwen"   // [1, qwen_tokens, qwen_dim]
	ditCos     = "cos"    // [1, text+patches, head/2], of text and then of patches
	ditSin     = "sin"
	ditFrames  = "frames" // [patches], positions of the learned embedding
	ditRows    = "rows"
	ditColumns = "columns"
	ditSample  = "sample" // [1, patches, patch·out_channels]
)

// dit builds the hybrid-stream transformer. In its first blocks video and text have weights of their own and meet in attention;
// in the others one set serves both. All blocks are adaptive norm, attention, adaptive norm, feed-forward, one after the other.
type dit struct {
	*nn.Net
	c        TransformerConfig
	cos, sin onnx.Value
	temb     onnx.Value // [1, dim], after SiLU
	position onnx.Value // [1, patches, dim]
	texts    onnx.Value // number of text tokens, [1]
}

// Transformer is the graph.
func Transformer(c TransformerConfig, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &dit{Net: nn.New("transformer", "transformer", o), c: c}
	dim, patch := c.Dim(), c.patchVolume()
	tokens := g.Input(ditTokens, onnx.Float32, 1, "patches", c.InChannels*patch)
	time := g.Input(ditTime, onnx.Float32, 1, c.FreqDim)
	t5 := g.Input(ditT5, onnx.Float32, 1, "t5_tokens", c.T5Dim)
	qwen := g.Input(ditQwen, onnx.Float32, 1, "qwen_tokens", c.QwenDim)
	g.cos = g.Input(ditCos, onnx.Float32, 1, "all", c.HeadDim/2)
	g.sin = g.Input(ditSin, onnx.Float32, 1, "all", c.HeadDim/2)
	g.SetBatch(tokens)
	g.embedTime(time)
	g.embedPositions()
	text := g.Concat(1, g.Linear(t5, "t5_embedder", c.T5Dim, dim, true), g.Linear(qwen, "qwen_embedder", c.QwenDim, dim, true))
	g.texts = g.DimOf(text, 1)
	video := g.Linear(tokens, "x_embedder", c.InChannels*patch, dim, true)
	for i := range c.Dual {
		g.Scoped(fmt.Sprintf("dual.%d", i), func() { text, video = g.dual(text, video, fmt.Sprintf("dual.blocks.%d.", i)) })
	}
	both := g.Concat(1, text, video)
	for i := range c.Single {
		g.Scoped(fmt.Sprintf("single.%d", i), func() { both = g.single(both, fmt.Sprintf("single.blocks.%d.", i)) })
	}
	_, video = g.apart(both)
	m := g.modulations("norm_out.linear", 2)
	video = g.Modulate(video, m[1], m[0], c.Eps)
	g.Output(ditSample, g.Linear(video, "proj_out", dim, c.OutChannels*patch, true), onnx.Float32, 1, "patches", c.OutChannels*patch)
	return g.Net, nil
}

func (g *dit) embedTime(time onnx.Value) {
	dim := g.c.Dim()
	x := g.SiLU(g.Dense(time, "time_embedder.linear_1", g.c.FreqDim, dim, true))
	g.temb = g.SiLU(g.Dense(x, "time_embedder.linear_2", dim, dim, true))
}

// embedPositions is the learned position of every patch: the sum of one for each axis.
func (g *dit) embedPositions() {
	c := g.c
	for _, axis := range []struct {
		input, name string
		size        int64
	}{{ditFrames, "pos_embed.frames", c.MaxFrames}, {ditRows, "pos_embed.height", c.MaxHeight}, {ditColumns, "pos_embed.width", c.MaxWidth}} {
		at := g.Input(axis.input, onnx.Int64, "patches")
		p := g.Gather(g.Param(axis.name, axis.size, c.Dim()), at)
		if g.position == "" {
			g.position = p
		} else {
			g.position = g.Add(g.position, p)
		}
	}
	g.position = g.Unsqueeze(g.position, 0)
}

// modulations are n vectors [1, 1, dim] made of the time: shift, scale, gate.
func (g *dit) modulations(name string, n int) []onnx.Value {
	dim := g.c.Dim()
	return g.Split(g.Reshape(g.Dense(g.temb, name, dim, int64(n)*dim, true), g.Ints(1, int64(n), dim)), 1, n)
}

// dual is a block in which each stream has its own weights.
func (g *dit) dual(text, video onnx.Value, name string) (onnx.Value, onnx.Value) {
	video = g.Add(video, g.position)
	var m [2][]onnx.Value
	var q, k, v [2]onnx.Value
	streams, names := [2]onnx.Value{text, video}, [2]string{name + "text.", name + "video."}
	for i, x := range streams {
		m[i] = g.modulations(names[i]+"norm.linear", 6)
		q[i], k[i], v[i] = g.project(g.Modulate(x, m[i][1], m[i][0], g.c.Eps), names[i])
	}
	a, b := g.apart(g.attend(g.Concat(1, q[0], q[1]), g.Concat(1, k[0], k[1]), g.Concat(1, v[0], v[1])))
	for i, o := range []onnx.Value{a, b} {
		x := g.Add(streams[i], g.Mul(g.Linear(o, names[i]+"to_out.0", g.c.Dim(), g.c.Dim(), true), m[i][2]))
		streams[i] = g.Add(x, g.Mul(g.feedForward(g.Modulate(x, m[i][4], m[i][3], g.c.Eps), names[i]), m[i][5]))
	}
	return streams[0], streams[1]
}

// single is a block in which one set of weights serves both streams.
func (g *dit) single(x onnx.Value, name string) onnx.Value {
	text, video := g.apart(x)
	x = g.Concat(1, text, g.Add(video, g.position))
	m := g.modulations(name+"norm.linear", 6)
	q, k, v := g.project(g.Modulate(x, m[1], m[0], g.c.Eps), name)
	x = g.Add(x, g.Mul(g.Linear(g.attend(q, k, v), name+"to_out.0", g.c.Dim(), g.c.Dim(), true), m[2]))
	return g.Add(x, g.Mul(g.feedForward(g.Modulate(x, m[4], m[3], g.c.Eps), name), m[5]))
}

// project is queries and keys, normed head by head, and values.
func (g *dit) project(x onnx.Value, name string) (q, k, v onnx.Value) {
	c, dim := g.c, g.c.Dim()
	normed := func(linear, norm string) onnx.Value {
		y := g.Reshape(g.Linear(x, name+linear, dim, dim, true), g.Ints(0, 0, c.NumHeads, c.HeadDim))
		return g.Reshape(g.RMSNorm(y, name+norm, c.HeadDim, c.Eps), g.Ints(0, 0, dim))
	}
	return normed("to_q", "norm_q"), normed("to_k", "norm_k"), g.Linear(x, name+"to_v", dim, dim, true)
}

// attend is over text and video together.
func (g *dit) attend(q, k, v onnx.Value) onnx.Value {
	heads := g.c.NumHeads
	return g.Attention(g.RotaryPairs(q, g.cos, g.sin, heads), g.RotaryPairs(k, g.cos, g.sin, heads), v, "", heads, 0)
}

func (g *dit) feedForward(x onnx.Value, name string) onnx.Value {
	dim, wide := g.c.Dim(), g.c.MLPRatio*g.c.Dim()
	return g.Linear(g.Gelu(g.Linear(x, name+"ff.net.0.proj", dim, wide, true), true), name+"ff.net.2", wide, dim, true)
}

// apart is the text's and the video's part of both.
func (g *dit) apart(x onnx.Value) (text, video onnx.Value) {
	slice := func(from, to onnx.Value) onnx.Value {
		return g.Op("Slice", []onnx.Value{x, from, to, g.Ints(1)})
	}
	return slice(g.Ints(0), g.texts), slice(g.texts, g.Ints(1<<62))
}
