package text

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Inputs and output of the encoder graph.
const (
	T5Tokens  = "input_ids" // int64 [batch, tokens]
	T5Mask    = "mask"      // float32 [batch, 1, 1, tokens], added to the scores
	T5Buckets = "buckets"   // int64 [tokens, tokens]
	T5Hidden  = "hidden"    // float32 [batch, tokens, d_model]
)

type t5 struct {
	*nn.Net
	c    T5Config
	mask onnx.Value
}

// T5Encoder is the encoder's graph. Tensor names are those of transformers.
func T5Encoder(c T5Config, src nn.Source) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &t5{Net: nn.New("text_encoder", "text_encoder", src), c: c}
	ids := g.Input(T5Tokens, onnx.Int64, "batch", "tokens")
	g.mask = g.Input(T5Mask, onnx.Float32, "batch", 1, 1, "tokens")
	buckets := g.Input(T5Buckets, onnx.Int64, "tokens", "tokens")
	g.SetBatch(ids)
	x := g.Gather(g.Param(g.embedding(src), c.VocabSize, c.DModel), ids)
	var bias onnx.Value
	for i := range c.NumLayers {
		g.Scoped(fmt.Sprintf("block.%d", i), func() {
			name := fmt.Sprintf("encoder.block.%d.layer.", i)
			if i == 0 || c.Multilingual() {
				bias = g.bias(buckets, name+"0.SelfAttention.relative_attention_bias.weight")
			}
			x = g.attention(x, bias, name+"0.")
			x = g.feedForward(x, name+"1.")
		})
	}
	x = g.RMSNorm(x, "encoder.final_layer_norm", c.DModel, c.Epsilon)
	g.Output(T5Hidden, x, onnx.Float32, "batch", "tokens", c.DModel)
	return g.Net, nil
}

// embedding is the name under which the file has the shared table: writers drop one of the two tied names.
func (g *t5) embedding(src nn.Source) string {
	const shared, tied = "shared.weight", "encoder.embed_tokens.weight"
	if src != nil {
		if _, err := src.Info(shared); err != nil {
			if _, err := src.Info(tied); err == nil {
				return tied
			}
		}
	}
	return shared
}

// bias is the table's row per pair of positions, as [1, heads, tokens, tokens], plus the mask.
func (g *t5) bias(buckets onnx.Value, name string) onnx.Value {
	rows := g.Gather(g.Param(name, g.c.NumBuckets, g.c.NumHeads), buckets)
	return g.Add(g.Unsqueeze(g.Transpose(rows, 2, 0, 1), 0), g.mask)
}

// attention has no 1/√d: it is in the initialisation of the weights.
func (g *t5) attention(x, bias onnx.Value, name string) onnx.Value {
	c, inner := g.c, g.c.NumHeads*g.c.DKV
	h := g.RMSNorm(x, name+"layer_norm", c.DModel, c.Epsilon)
	proj := func(which string) onnx.Value { return g.Linear(h, name+"SelfAttention."+which, c.DModel, inner, false) }
	o := g.Attention(proj("q"), proj("k"), proj("v"), bias, c.NumHeads, 1)
	return g.Add(x, g.Linear(o, name+"SelfAttention.o", inner, c.DModel, false))
}

func (g *t5) feedForward(x onnx.Value, name string) onnx.Value {
	c := g.c
	h := g.RMSNorm(x, name+"layer_norm", c.DModel, c.Epsilon)
	var y onnx.Value
	switch c.FeedForward {
	case "gated-gelu", "gated-silu":
		y = g.activation(g.Linear(h, name+"DenseReluDense.wi_0", c.DModel, c.DFF, false))
		y = g.Mul(y, g.Linear(h, name+"DenseReluDense.wi_1", c.DModel, c.DFF, false))
	default:
		y = g.activation(g.Linear(h, name+"DenseReluDense.wi", c.DModel, c.DFF, false))
	}
	return g.Add(x, g.Linear(y, name+"DenseReluDense.wo", c.DFF, c.DModel, false))
}

// activation is what feed_forward_proj names; T5's gated-gelu means the approximation by tanh.
func (g *t5) activation(x onnx.Value) onnx.Value {
	switch g.c.FeedForward {
	case "relu":
		return g.Op("Relu", []onnx.Value{x})
	case "silu", "gated-silu":
		return g.SiLU(x)
	}
	return g.Gelu(x, true)
}
