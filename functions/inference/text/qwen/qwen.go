// Package qwen is the Qwen 2.5 text model as an encoder: the hidden states after its last norm. Reference: transformers'
// Qwen2Model.
package qwen

import (
	"context"
	"fmt"
	"math"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/text"
)

// Config is the part of the encoder's config.json that the graph needs.
type Config struct {
	VocabSize    int64   `json:"vocab_size"`
	Hidden       int64   `json:"hidden_size"`
	Intermediate int64   `json:"intermediate_size"`
	Layers       int64   `json:"num_hidden_layers"`
	Heads        int64   `json:"num_attention_heads"`
	KVHeads      int64   `json:"num_key_value_heads"`
	Eps          float64 `json:"rms_norm_eps"`
	RopeTheta    float64 `json:"rope_theta"`
	RopeScaling  any     `json:"rope_scaling"`
	Sliding      bool    `json:"use_sliding_window"`
	Activation   string  `json:"hidden_act"`
}

// WithDefaults fills what the file may leave out with the defaults of transformers.
func (c Config) WithDefaults() Config {
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	if c.Eps == 0 {
		c.Eps = 1e-6
	}
	if c.RopeTheta == 0 {
		c.RopeTheta = 10000
	}
	return c
}

// Validate refuses configurations that the graph cannot express.
func (c Config) Validate() error {
	for name, v := range map[string]int64{"vocab_size": c.VocabSize, "hidden_size": c.Hidden, "intermediate_size": c.Intermediate, "num_hidden_layers": c.Layers, "num_attention_heads": c.Heads} {
		if v <= 0 || v > nn.MostSize {
			return fmt.Errorf("Qwen: %s is %d; 1 to %d are possible: %w", name, v, nn.MostSize, errdefs.ErrInvalidArgument)
		}
	}
	if err := nn.CheckLayers("Qwen", c.Layers); err != nil {
		return err
	}
	switch {
	case c.Hidden%c.Heads != 0 || c.Heads%c.KVHeads != 0 || c.headDim()%2 != 0:
		return fmt.Errorf("Qwen: %d heads of %d for %d key heads: %w", c.Heads, c.headDim(), c.KVHeads, errdefs.ErrInvalidArgument)
	case c.RopeScaling != nil || c.Sliding:
		return fmt.Errorf("Qwen with scaled positions or a sliding window is not supported: %w", errdefs.ErrNotImplemented)
	case c.Activation != "" && c.Activation != "silu":
		return fmt.Errorf("Qwen with the activation %q; silu is supported: %w", c.Activation, errdefs.ErrNotImplemented)
	}
	return nil
}

func (c Config) headDim() int64 { return c.Hidden / c.Heads }

// Inputs and output of the encoder's graph. The mask is added to the scores, the tables are those of the rotary embedding.
const (
	tokensInput = "input_ids" // int64 [batch, tokens]
	maskInput   = "mask"      // [batch, 1, tokens, tokens]
	cosInput    = "cos"       // [batch, tokens, head/2]
	sinInput    = "sin"
	Hidden      = "hidden" // [batch, tokens, hidden]
)

type encoder struct {
	*nn.Net
	c        Config
	mask     onnx.Value
	cos, sin onnx.Value
}

// Encoder is the graph, of a component of its own name.
func Encoder(component string, c Config, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &encoder{Net: nn.New(component, component, o), c: c}
	ids := g.Input(tokensInput, onnx.Int64, "batch", "tokens")
	g.mask = g.Input(maskInput, onnx.Float32, "batch", 1, "tokens", "tokens")
	g.cos = g.Input(cosInput, onnx.Float32, "batch", "tokens", c.headDim()/2)
	g.sin = g.Input(sinInput, onnx.Float32, "batch", "tokens", c.headDim()/2)
	g.SetBatch(ids)
	prefix := prefixOf(o.Weights)
	x := g.Embedding(ids, prefix+"embed_tokens.weight", c.VocabSize, c.Hidden)
	for i := range c.Layers {
		g.Scoped(fmt.Sprintf("layers.%d", i), func() { x = g.layer(x, fmt.Sprintf("%slayers.%d.", prefix, i)) })
	}
	g.Output(Hidden, g.RMSNorm(x, prefix+"norm", c.Hidden, c.Eps), onnx.Float32, "batch", "tokens", c.Hidden)
	return g.Net, nil
}

// prefixOf is what stands before the model's tensors: nothing, or "model." in a checkpoint that also has a head for words.
func prefixOf(src nn.Source) string {
	if src != nil {
		if _, err := src.Info("model.embed_tokens.weight"); err == nil {
			return "model."
		}
	}
	return ""
}

func (g *encoder) layer(x onnx.Value, name string) onnx.Value {
	c := g.c
	kv := c.KVHeads * c.headDim()
	h := g.RMSNorm(x, name+"input_layernorm", c.Hidden, c.Eps)
	q := g.RotaryHalves(g.Linear(h, name+"self_attn.q_proj", c.Hidden, c.Hidden, true), g.cos, g.sin, c.Heads)
	k := g.RotaryHalves(g.Linear(h, name+"self_attn.k_proj", c.Hidden, kv, true), g.cos, g.sin, c.KVHeads)
	o := g.GroupedAttention(q, k, g.Linear(h, name+"self_attn.v_proj", c.Hidden, kv, true), g.mask, c.Heads, c.KVHeads, 0)
	x = g.Add(x, g.Linear(o, name+"self_attn.o_proj", c.Hidden, c.Hidden, false))
	h = g.RMSNorm(x, name+"post_attention_layernorm", c.Hidden, c.Eps)
	h = g.Mul(g.SiLU(g.Linear(h, name+"mlp.gate_proj", c.Hidden, c.Intermediate, false)), g.Linear(h, name+"mlp.up_proj", c.Hidden, c.Intermediate, false))
	return g.Add(x, g.Linear(h, name+"mlp.down_proj", c.Intermediate, c.Hidden, false))
}

// Inputs are the graph's for one row of tokens, none of them padding: each sees itself and those before.
func (c Config) Inputs(ids []int64) engine.Values {
	n, half := int64(len(ids)), c.headDim()/2
	cos, sin := nn.RotaryTables(c.RopeTheta, nn.RotaryAxis{Dim: c.headDim(), Size: n})
	mask := make([]float32, n*n)
	for q := range n {
		for k := q + 1; k < n; k++ {
			mask[q*n+k] = float32(math.Inf(-1))
		}
	}
	return engine.Values{tokensInput: engine.Ints(ids, 1, n), maskInput: engine.Floats(mask, 1, 1, n, n),
		cosInput: engine.Floats(cos, 1, n, half), sinInput: engine.Floats(sin, 1, n, half)}
}

// Runner runs a graph by its name.
type Runner interface {
	Run(ctx context.Context, graph string, in engine.Values, resident ...string) (engine.Values, error)
}

// Prompt turns text into hidden states.
type Prompt struct {
	Config    Config
	Tokenizer *text.Tokenizer
	Graphs    Runner
	Graph     string
}

// Encode is the hidden states of a prompt's tokens, [1, tokens, hidden], cut at most tokens; of the empty prompt those of one
// padding token, since a sequence needs one.
func (p Prompt) Encode(ctx context.Context, prompt string, most int) (engine.Tensor, error) {
	ids, mask, err := p.Tokenizer.EncodeTo(text.Clean(prompt), most)
	if err != nil {
		return engine.Tensor{}, fmt.Errorf("prompt: %w", err)
	}
	n := int64(0)
	for _, m := range mask {
		n += m
	}
	out, err := p.Graphs.Run(ctx, p.Graph, p.Config.Inputs(ids[:max(n, 1)]))
	if err != nil {
		return engine.Tensor{}, fmt.Errorf("encode prompt: %w", err)
	}
	return out.Tensor(Hidden)
}
