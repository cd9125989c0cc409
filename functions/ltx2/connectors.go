package ltx2

import (
	"fmt"
	"math"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Inputs and outputs of the connectors' graph.
const (
	conStates    = "hidden_states" // [batch, tokens, caption_channels, layers]; without registers there are as many tokens as text
	conCounts    = "counts"        // [batch, tokens, 1, 1]: 1 for a token, 0 for padding
	conOrder     = "order"         // int64 [batch, text, 1]: the token that stands here; with registers
	conFront     = "front"         // bool [batch, text, 1]: a token stands here once they are in order
	conRegisters = "registers"     // int64 [text]: which register stands where none does
	conMask      = "mask"          // [batch, 1, 1, text], added to the scores; without registers
	conVideo     = "video_text"    // [batch, text, video's width]
	conAudio     = "audio_text"
)

// connectors turn the text encoder's states into what each stream reads.
type connectors struct {
	*net
	c            ConnectorsConfig
	counts, mask onnx.Value
	order, front onnx.Value
	rows         onnx.Value
}

// Connectors is the graph of LTX2TextConnectors.
func Connectors(c ConnectorsConfig, o nn.Options) (*nn.Net, error) {
	const eps = 1e-6 // the configurations do not carry it
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &connectors{net: &net{nn.New("connectors", "connectors", o), eps, c.Rope}, c: c}
	tokens := "text"
	if c.Registers() > 0 {
		tokens = "tokens"
	}
	states := g.Input(conStates, onnx.Float32, "batch", tokens, c.CaptionChannels, c.Layers)
	g.counts = g.Input(conCounts, onnx.Float32, "batch", tokens, 1, 1)
	g.SetBatch(states)
	if c.Registers() > 0 {
		g.order = g.Input(conOrder, onnx.Int64, "batch", "text", 1)
		g.front = g.Input(conFront, onnx.Bool, "batch", "text", 1)
		g.rows = g.Input(conRegisters, onnx.Int64, "text")
	} else {
		g.mask = g.Input(conMask, onnx.Float32, "batch", 1, 1, "text")
	}
	video, audio := g.project(states)
	g.connector(video, conVideo, "video_connector.", c.VideoHeads, c.VideoHeadDim, c.VideoLayers, c.VideoGated)
	g.connector(audio, conAudio, "audio_connector.", c.AudioHeads, c.AudioHeadDim, c.AudioLayers, c.AudioGated)
	return g.Net, nil
}

// project norms all layers' states and makes one token of them.
func (g *connectors) project(states onnx.Value) (video, audio onnx.Value) {
	c, wide := g.c, g.c.CaptionChannels*g.c.Layers
	if !c.PerModality {
		x := g.Reshape(g.byLayer(states), g.Ints(0, 0, wide))
		x = g.Linear(x, "text_proj_in", wide, c.CaptionChannels, c.ProjBias)
		return x, x
	}
	square := g.Op("ReduceMean", []onnx.Value{g.Mul(states, states), g.Ints(2)})
	x := g.Mul(g.Div(states, g.Op("Sqrt", []onnx.Value{g.Add(square, g.Float(1e-6))})), g.counts)
	x = g.Reshape(x, g.Ints(0, 0, wide))
	scaled := func(dim int64) onnx.Value {
		return g.Mul(x, g.Float(float32(math.Sqrt(float64(dim)/float64(c.CaptionChannels)))))
	}
	return g.Linear(scaled(c.VideoDim), "video_text_proj_in", wide, c.VideoDim, c.ProjBias),
		g.Linear(scaled(c.AudioDim), "audio_text_proj_in", wide, c.AudioDim, c.ProjBias)
}

// byLayer is eight times the states less their mean over their range, both over all tokens and channels of a layer that are
// no padding (per_layer_masked_mean_norm).
func (g *connectors) byLayer(states onnx.Value) onnx.Value {
	const large = 3e38
	reduce := func(op string, x onnx.Value) onnx.Value { return g.Op(op, []onnx.Value{x, g.Ints(1, 2)}) }
	count := g.Mul(g.Op("ReduceSum", []onnx.Value{g.counts, g.Ints(1, 2)}), g.Float(float32(g.c.CaptionChannels)))
	mean := g.Div(reduce("ReduceSum", g.Mul(states, g.counts)), g.Add(count, g.Float(1e-6)))
	valid := g.Op("Greater", []onnx.Value{g.counts, g.Float(0.5)})
	least := reduce("ReduceMin", g.Op("Where", []onnx.Value{valid, states, g.Float(large)}))
	most := reduce("ReduceMax", g.Op("Where", []onnx.Value{valid, states, g.Float(-large)}))
	span := g.Add(g.Sub(most, least), g.Float(1e-6))
	return g.Mul(g.Mul(g.Div(g.Sub(states, mean), span), g.Float(8)), g.counts)
}

// connector is a small transformer over the text, written to the output to.
func (g *connectors) connector(x onnx.Value, to, name string, heads, headDim, layers int64, gated bool) {
	dim := heads * headDim
	if g.order != "" {
		inOrder := g.Op("GatherND", []onnx.Value{x, g.order}, onnx.Int("batch_dims", 1))
		registers := g.Gather(g.Param(name+"learnable_registers", g.c.Registers(), dim), g.rows)
		x = g.Op("Where", []onnx.Value{g.front, inOrder, g.Unsqueeze(registers, 0)})
	}
	dims := []any{1, "text", heads, 1, headDim / 2}
	if g.rope == ropeInterleaved {
		dims = []any{1, "text", dim / 2, 1}
	}
	turn := rotary{g.Input(to+"_cos", onnx.Float32, dims...), g.Input(to+"_sin", onnx.Float32, dims...)}
	for i := range layers {
		block := fmt.Sprintf("%stransformer_blocks.%d.", name, i)
		h := g.rms(x, dim)
		x = g.Add(x, g.attention(attentionOf{name: block + "attn1.", q: h, kv: h, qDim: dim, kvDim: dim, heads: heads, dim: dim, out: dim, gated: gated,
			bias: g.mask, qRope: turn, kRope: turn}))
		x = g.Add(x, g.feedForward(g.rms(x, dim), dim, true, block+"ff."))
	}
	x = g.rms(x, dim)
	if g.order == "" && to == conVideo { // the reference blanks the video's padding alone
		x = g.Mul(x, g.Op("Squeeze", []onnx.Value{g.counts, g.Ints(3)}))
	}
	g.Output(to, x, onnx.Float32, "batch", "text", dim)
}

// connectorInputs are the inputs beside the states for rows of counts [batch, tokens]: 1 for a token, 0 for padding. With
// registers the text may be longer than the tokens, else it is as long.
func (c ConnectorsConfig) connectorInputs(counts []float32, batch, text int64) engine.Values {
	tokens := int64(len(counts)) / batch
	in := engine.Values{conCounts: engine.Floats(counts, batch, tokens, 1, 1)}
	if n := c.Registers(); n > 0 {
		order, front := frontAligned(counts, batch, text)
		rows := make([]int64, text)
		for i := range rows {
			rows[i] = int64(i) % n
		}
		in[conOrder], in[conRegisters] = engine.Ints(order, batch, text, 1), engine.Ints(rows, text)
		in[conFront] = engine.Tensor{Shape: []int64{batch, text, 1}, Data: front}
	} else {
		mask := make([]float32, len(counts))
		for i, v := range counts {
			mask[i] = (v - 1) * math.MaxFloat32
		}
		in[conMask] = engine.Floats(mask, batch, 1, 1, tokens)
	}
	p := positions{axes: 1}
	for i := range text {
		p.values = append(p.values, float32(i)/float32(c.BaseLength))
	}
	in[conVideo+"_cos"], in[conVideo+"_sin"] = rotaryTables(p, c.Theta, c.Rope, c.VideoHeads*c.VideoHeadDim, c.VideoHeads)
	in[conAudio+"_cos"], in[conAudio+"_sin"] = rotaryTables(p, c.Theta, c.Rope, c.AudioHeads*c.AudioHeadDim, c.AudioHeads)
	return in
}

// frontAligned says which token stands at each place of the text: those that count come first and keep their order. Where front
// is false there is none.
func frontAligned(counts []float32, batch, text int64) (order []int64, front []bool) {
	tokens := int64(len(counts)) / batch
	order, front = make([]int64, batch*text), make([]bool, batch*text)
	for b := range batch {
		at := b * text
		for i := range tokens {
			if counts[b*tokens+i] > 0 && at < (b+1)*text {
				order[at], front[at] = i, true
				at++
			}
		}
	}
	return order, front
}
