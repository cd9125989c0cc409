package gemma

import (
	"fmt"
	"math"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Inputs and output of the encoder's graph. Masks are added to the scores, tables are those of a layer's rotary embedding.
const (
	tokensInput = "input_ids" // int64 [batch, tokens]
	// local_mask and global_mask are [batch, 1, tokens, tokens], of the tokens before and close, and of all before;
	// local_cos, local_sin, global_cos, global_sin [batch, tokens, head/2].
	Hidden = "hidden_states" // [batch, tokens, hidden, layers+1]: the embedding first, the last after the last norm
)

type encoder struct {
	*nn.Net
	c      Config
	prefix string // of the tensors' names
	masks  map[string]onnx.Value
	turns  map[string][2]onnx.Value
}

// Encoder is the graph of all hidden states.
func Encoder(c Config, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &encoder{Net: nn.New("text_encoder", "text_encoder", o), c: c, masks: map[string]onnx.Value{}, turns: map[string][2]onnx.Value{}}
	ids := g.Input(tokensInput, onnx.Int64, "batch", "tokens")
	g.inputs()
	g.SetBatch(ids)
	info := g.find(o.Weights)
	x := g.Mul(g.Embedding(ids, g.prefix+"embed_tokens.weight", c.VocabSize, c.Hidden), g.Float(c.embeddingScale(info)))
	states := []onnx.Value{x}
	for i, kind := range c.LayerTypes {
		name := fmt.Sprintf("%slayers.%d.", g.prefix, i)
		g.Scoped(fmt.Sprintf("layers.%d", i), func() { x = g.layer(x, kind, name) })
		states = append(states, x)
	}
	states[len(states)-1] = g.norm(x, g.prefix+"norm", c.Hidden)
	for i, s := range states {
		states[i] = g.Unsqueeze(s, 3)
	}
	g.Output(Hidden, g.Concat(3, states...), onnx.Float32, "batch", "tokens", c.Hidden, c.Layers+1)
	return g.Net, nil
}

// find looks under which names the checkpoint has the text model.
func (g *encoder) find(src nn.Source) weights.Info {
	if src == nil {
		return weights.Info{}
	}
	for _, prefix := range []string{"", "model.", "language_model.model.", "model.language_model.", "language_model."} {
		if info, err := src.Info(prefix + "embed_tokens.weight"); err == nil {
			g.prefix = prefix
			return info
		}
	}
	return weights.Info{} // the first tensor that is asked for says what is missing
}

// embeddingScale is √hidden; the reference holds it in the type of the weights.
func (c Config) embeddingScale(info weights.Info) float32 {
	root := float32(math.Sqrt(float64(c.Hidden)))
	if info.DType == weights.BF16 {
		bits := math.Float32bits(root)
		return math.Float32frombits((bits + 0x7fff + bits>>16&1) &^ 0xffff)
	}
	return root
}

func (g *encoder) inputs() {
	for kind, name := range map[string]string{sliding: "local", full: "global"} {
		g.masks[kind] = g.Input(name+"_mask", onnx.Float32, "batch", 1, "tokens", "tokens")
		g.turns[kind] = [2]onnx.Value{
			g.Input(name+"_cos", onnx.Float32, "batch", "tokens", g.c.HeadDim/2), g.Input(name+"_sin", onnx.Float32, "batch", "tokens", g.c.HeadDim/2),
		}
	}
}

// norm is Gemma's: the weight is what it differs from one by.
func (g *encoder) norm(x onnx.Value, name string, dim int64) onnx.Value {
	return g.RMSNormPlusOne(x, name, dim, g.c.Eps)
}

// room is what the gated product is multiplied by, so that FP16 holds it though both of its factors are large. It is a power of two, and
// the norm behind the next product, whose epsilon has its square, takes it away again: no value changes but by that.
const room = 1. / 256

// layer has a norm before and after both of its halves.
func (g *encoder) layer(x onnx.Value, kind, name string) onnx.Value {
	c := g.c
	h := g.attention(g.norm(x, name+"input_layernorm", c.Hidden), kind, name+"self_attn.")
	x = g.Add(x, g.norm(h, name+"post_attention_layernorm", c.Hidden))
	h = g.norm(x, name+"pre_feedforward_layernorm", c.Hidden)
	h = g.Mul(g.Gelu(g.Linear(h, name+"mlp.gate_proj", c.Hidden, c.Intermediate, false), true), g.Mul(g.Linear(h, name+"mlp.up_proj", c.Hidden, c.Intermediate, false), g.Float(room)))
	h = g.Linear(h, name+"mlp.down_proj", c.Intermediate, c.Hidden, false)
	return g.Add(x, g.RMSNormPlusOne(h, name+"post_feedforward_layernorm", c.Hidden, c.Eps*room*room))
}

func (g *encoder) attention(x onnx.Value, kind, name string) onnx.Value {
	c := g.c
	q := g.turned(x, kind, name+"q_proj", name+"q_norm", c.Heads)
	k := g.turned(x, kind, name+"k_proj", name+"k_norm", c.KVHeads)
	v := g.Linear(x, name+"v_proj", c.Hidden, c.KVHeads*c.HeadDim, false)
	o := g.GroupedAttention(q, k, v, g.masks[kind], c.Heads, c.KVHeads, c.scale())
	return g.Linear(o, name+"o_proj", c.Heads*c.HeadDim, c.Hidden, false)
}

// turned is a projection, normed head by head, and rotated.
func (g *encoder) turned(x onnx.Value, kind, linear, norm string, heads int64) onnx.Value {
	y := g.Reshape(g.Linear(x, linear, g.c.Hidden, heads*g.c.HeadDim, false), g.Ints(0, 0, heads, g.c.HeadDim))
	y = g.Reshape(g.norm(y, norm, g.c.HeadDim), g.Ints(0, 0, heads*g.c.HeadDim))
	return g.RotaryHalves(y, g.turns[kind][0], g.turns[kind][1], heads)
}
