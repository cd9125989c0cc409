// Package t5 has the text encoders of the T5 family, UMT5 among them: graph, configuration, and prompts as tensors.
package t5

import (
	"fmt"
	"math"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// Config is the config.json of a T5 or UMT5 encoder.
type Config struct {
	Class         string   `json:"class"`
	Architectures []string `json:"architectures"`
	ModelType     string   `json:"model_type"`
	VocabSize     int64    `json:"vocab_size"`
	DModel        int64    `json:"d_model"`
	DKV           int64    `json:"d_kv"`
	DFF           int64    `json:"d_ff"`
	NumLayers     int64    `json:"num_layers"`
	NumHeads      int64    `json:"num_heads"`
	NumBuckets    int64    `json:"relative_attention_num_buckets"`
	MaxDistance   int64    `json:"relative_attention_max_distance"`
	FeedForward   string   `json:"feed_forward_proj"`
	Epsilon       float64  `json:"layer_norm_epsilon"`
	EOS           int64    `json:"eos_token_id"`
	Pad           int64    `json:"pad_token_id"`
}

// WithDefaults fills what the file may leave out with the defaults of transformers.
func (c Config) WithDefaults() Config {
	if c.NumBuckets == 0 {
		c.NumBuckets = 32
	}
	if c.MaxDistance == 0 {
		c.MaxDistance = 128
	}
	if c.Epsilon == 0 {
		c.Epsilon = 1e-6
	}
	if c.FeedForward == "" {
		c.FeedForward = "relu"
		if c.Multilingual() {
			c.FeedForward = "gated-gelu"
		}
	}
	return c
}

// Multilingual says whether this is UMT5, which has a table of relative positions in every layer and not only in the first.
func (c Config) Multilingual() bool {
	if c.ModelType == "umt5" || c.Class == "UMT5EncoderModel" {
		return true
	}
	return len(c.Architectures) > 0 && c.Architectures[0] == "UMT5EncoderModel"
}

// Validate refuses what the graph cannot express.
func (c Config) Validate() error {
	if err := nn.CheckLayers("text encoder", c.NumLayers); err != nil {
		return err
	}
	if err := nn.CheckSizes("text encoder", c.VocabSize, c.DModel, c.DKV, c.DFF, c.NumHeads); err != nil {
		return err
	}
	switch c.FeedForward {
	case "gated-gelu", "gated-silu", "gelu_new", "relu", "silu":
		return nil
	}
	return fmt.Errorf("text encoder with feed_forward_proj %q; gated-gelu, gated-silu, gelu_new, relu and silu are supported: %w", c.FeedForward, errdefs.ErrNotImplemented)
}

// Buckets are the relative-position buckets of an encoder for n tokens, [query, key]: half of the buckets for keys after
// the query; in each half the first half counts exactly and the rest grows logarithmically up to MaxDistance.
func (c Config) Buckets(n int64) []int64 {
	out := make([]int64, 0, n*n)
	for q := range n {
		for k := range n {
			out = append(out, c.bucket(k-q))
		}
	}
	return out
}

func (c Config) bucket(distance int64) (b int64) {
	half := c.NumBuckets / 2
	if distance > 0 {
		b = half
	}
	distance = max(distance, -distance)
	exact := half / 2
	if distance < exact {
		return b + distance
	}
	// The reference computes this in float32; so do we, for the distances where rounding decides.
	ratio := float32(math.Log(float64(float32(distance)/float32(exact)))) / float32(math.Log(float64(c.MaxDistance)/float64(exact)))
	return b + min(exact+int64(ratio*float32(half-exact)), half-1)
}

// maskAdded turns a mask of ones and zeros into what is added to attention scores.
func maskAdded(mask []int64) []float32 {
	out := make([]float32, len(mask))
	for i, m := range mask {
		if m == 0 {
			out[i] = -1e30
		}
	}
	return out
}
