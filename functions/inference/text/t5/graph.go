package t5

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Inputs and output of the encoder graph.
const (
	tokensInput  = "input_ids" // int64 [batch, tokens]
	maskInput    = "mask"      // float32 [batch, 1, 1, tokens], added to the scores
	bucketsInput = "buckets"   // int64 [tokens, tokens]
	Hidden       = "hidden"    // float32 [batch, tokens, d_model]
)

type encoder struct {
	*nn.Net
	c    Config
	mask onnx.Value
}

// Encoder is the encoder's graph. Tensor names are those of transformers.
func Encoder(c Config, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &encoder{Net: nn.New("text_encoder", "text_encoder", o), c: c}
	ids := g.Input(tokensInput, onnx.Int64, "batch", "tokens")
	g.mask = g.Input(maskInput, onnx.Float32, "batch", 1, 1, "tokens")
	buckets := g.Input(bucketsInput, onnx.Int64, "tokens", "tokens")
	g.SetBatch(ids)
	x := g.Embedding(ids, g.table(o.Weights), c.VocabSize, c.DModel)
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
	g.Output(Hidden, x, onnx.Float32, "batch", "tokens", c.DModel)
	return g.Net, nil
}

// table is the name under which the file has the shared table: writers drop one of the two tied names.
func (g *encoder) table(src nn.Source) string {
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
func (g *encoder) bias(buckets onnx.Value, name string) onnx.Value {
	rows := g.Gather(g.Param(name, g.c.NumBuckets, g.c.NumHeads), buckets)
	return g.Add(g.Unsqueeze(g.Transpose(rows, 2, 0, 1), 0), g.mask)
}

// attention has no 1/√d: it is in the initialisation of the weights.
func (g *encoder) attention(x, bias onnx.Value, name string) onnx.Value {
	c, inner := g.c, g.c.NumHeads*g.c.DKV
	h := g.RMSNorm(x, name+"layer_norm", c.DModel, c.Epsilon)
	proj := func(which string) onnx.Value { return g.Linear(h, name+"SelfAttention."+which, c.DModel, inner, false) }
	o := g.Attention(proj("q"), proj("k"), proj("v"), bias, c.NumHeads, 1)
	return g.Add(x, g.Linear(o, name+"SelfAttention.o", inner, c.DModel, false))
}

func (g *encoder) feedForward(x onnx.Value, name string) onnx.Value {
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
func (g *encoder) activation(x onnx.Value) onnx.Value {
	switch g.c.FeedForward {
	case "relu":
		return g.Op("Relu", []onnx.Value{x})
	case "silu", "gated-silu":
		return g.SiLU(x)
	}
	return g.Gelu(x, true)
}
