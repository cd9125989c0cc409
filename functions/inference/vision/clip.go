// Package vision has the graphs of image encoders.
package vision

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Input and output of the image encoder.
const (
	Pixels = "pixels" // [batch, 3, side, side], normalised
	Hidden = "hidden" // [batch, patches + 1, hidden_size]
)

// CLIPConfig is image_encoder/config.json, of CLIPVisionModelWithProjection.
type CLIPConfig struct {
	HiddenSize       int64   `json:"hidden_size"`
	IntermediateSize int64   `json:"intermediate_size"`
	NumLayers        int64   `json:"num_hidden_layers"`
	NumHeads         int64   `json:"num_attention_heads"`
	NumChannels      int64   `json:"num_channels"`
	ImageSize        int64   `json:"image_size"`
	PatchSize        int64   `json:"patch_size"`
	Activation       string  `json:"hidden_act"`
	Epsilon          float64 `json:"layer_norm_eps"`
}

// WithDefaults fills what the file may leave out with the defaults of transformers.
func (c CLIPConfig) WithDefaults() CLIPConfig {
	for _, d := range []struct {
		v *int64
		n int64
	}{{&c.HiddenSize, 768}, {&c.IntermediateSize, 3072}, {&c.NumLayers, 12}, {&c.NumHeads, 12}, {&c.NumChannels, 3}, {&c.ImageSize, 224}, {&c.PatchSize, 32}} {
		if *d.v == 0 {
			*d.v = d.n
		}
	}
	if c.Activation == "" {
		c.Activation = "quick_gelu"
	}
	if c.Epsilon == 0 {
		c.Epsilon = 1e-5
	}
	return c
}

// Validate refuses what the graph cannot express.
func (c CLIPConfig) Validate() error {
	if err := nn.CheckLayers("image encoder", c.NumLayers); err != nil {
		return err
	}
	if err := nn.CheckSizes("image encoder", c.HiddenSize, c.IntermediateSize, c.NumHeads, c.NumChannels, c.ImageSize, c.PatchSize); err != nil {
		return err
	}
	if c.NumLayers < 2 || c.NumChannels != 3 || c.ImageSize < c.PatchSize || c.HiddenSize%c.NumHeads != 0 {
		return fmt.Errorf("image encoder configuration %+v is impossible: %w", c, errdefs.ErrInvalidArgument)
	}
	if c.Activation != "gelu" && c.Activation != "quick_gelu" {
		return fmt.Errorf("image encoder with hidden_act %q; gelu and quick_gelu are supported: %w", c.Activation, errdefs.ErrNotImplemented)
	}
	return nil
}

type tower struct {
	*nn.Net
	c CLIPConfig
}

// CLIP is the graph of CLIP's vision transformer up to its second to last layer: the last one, the pooling and the
// projection are not used.
func CLIP(c CLIPConfig, o nn.Options) (*nn.Net, error) {
	g := &tower{Net: nn.New("image_encoder", "image_encoder", o), c: c}
	pixels := g.Input(Pixels, onnx.Float32, "batch", c.NumChannels, c.ImageSize, c.ImageSize)
	g.SetBatch(pixels)
	x := g.LayerNorm(g.embed(pixels), "vision_model.pre_layrnorm", c.HiddenSize, c.Epsilon) // the name is the reference's
	for i := range c.NumLayers - 1 {
		g.Scoped(fmt.Sprintf("layers.%d", i), func() { x = g.layer(x, fmt.Sprintf("vision_model.encoder.layers.%d.", i)) })
	}
	g.Output(Hidden, x, onnx.Float32, "batch", "tokens", c.HiddenSize)
	return g.Net, nil
}

// embed is one token for the class and one for each patch, plus their positions.
func (g *tower) embed(pixels onnx.Value) onnx.Value {
	const name = "vision_model.embeddings."
	c, side := g.c, g.c.ImageSize/g.c.PatchSize
	w := g.Param(name+"patch_embedding.weight", c.HiddenSize, c.NumChannels, c.PatchSize, c.PatchSize)
	x := g.Op("Conv", []onnx.Value{pixels, w}, onnx.Ints("strides", c.PatchSize, c.PatchSize))
	x = g.Transpose(g.Reshape(x, g.Ints(0, c.HiddenSize, -1)), 0, 2, 1)
	class := g.ParamAs(name+"class_embedding", []int64{c.HiddenSize}, []int64{1, 1, c.HiddenSize})
	class = g.Op("Expand", []onnx.Value{class, g.Concat(0, g.DimOf(pixels, 0), g.Ints(1, 1))})
	tokens := side*side + 1
	return g.Add(g.Concat(1, class, x), g.Param(name+"position_embedding.weight", tokens, c.HiddenSize))
}

func (g *tower) layer(x onnx.Value, name string) onnx.Value {
	c, dim := g.c, g.c.HiddenSize
	h := g.LayerNorm(x, name+"layer_norm1", dim, c.Epsilon)
	proj := func(which string) onnx.Value { return g.Linear(h, name+"self_attn."+which+"_proj", dim, dim, true) }
	o := g.Attention(proj("q"), proj("k"), proj("v"), "", c.NumHeads, 0)
	x = g.Add(x, g.Linear(o, name+"self_attn.out_proj", dim, dim, true))
	h = g.LayerNorm(x, name+"layer_norm2", dim, c.Epsilon)
	h = g.activate(g.Linear(h, name+"mlp.fc1", dim, c.IntermediateSize, true))
	return g.Add(x, g.Linear(h, name+"mlp.fc2", c.IntermediateSize, dim, true))
}

func (g *tower) activate(x onnx.Value) onnx.Value {
	if g.c.Activation == "gelu" {
		return g.Gelu(x, false)
	}
	return g.Mul(x, g.Sigmoid(g.Mul(x, g.Float(1.702))))
}
