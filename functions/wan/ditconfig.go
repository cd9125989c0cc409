package wan

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// imageTextTokens is the text length that image-to-video checkpoints need: the reference tells image tokens from text
// tokens by counting 512 from the end.
const imageTextTokens = 512

// ropeTheta is the base of the rotary frequencies; the published configurations do not carry it.
const ropeTheta = 10000

// TransformerConfig is transformer/config.json.
type TransformerConfig struct {
	PatchSize      []int64 `json:"patch_size"`
	NumHeads       int64   `json:"num_attention_heads"`
	HeadDim        int64   `json:"attention_head_dim"`
	InChannels     int64   `json:"in_channels"`
	OutChannels    int64   `json:"out_channels"`
	TextDim        int64   `json:"text_dim"`
	FreqDim        int64   `json:"freq_dim"`
	FFNDim         int64   `json:"ffn_dim"`
	NumLayers      int64   `json:"num_layers"`
	CrossAttnNorm  *bool   `json:"cross_attn_norm"`
	QKNorm         *string `json:"qk_norm"`
	Eps            float64 `json:"eps"`
	RopeMaxSeqLen  int64   `json:"rope_max_seq_len"`
	ImageDim       int64   `json:"image_dim"`
	AddedKVProjDim int64   `json:"added_kv_proj_dim"`
	PosEmbedSeqLen int64   `json:"pos_embed_seq_len"`
	// PerToken is not in the file: each patch may be at a timestep of its own, as the pipeline's expand_timesteps asks for.
	PerToken bool `json:"-"`
}

// Dim is the width of the residual stream.
func (c TransformerConfig) Dim() int64 { return c.NumHeads * c.HeadDim }

// WithDefaults fills what the file may leave out with the defaults of diffusers.
func (c TransformerConfig) WithDefaults() TransformerConfig {
	if c.OutChannels == 0 {
		c.OutChannels = c.InChannels
	}
	if c.PatchSize == nil {
		c.PatchSize = []int64{1, 2, 2}
	}
	if c.FreqDim == 0 {
		c.FreqDim = 256
	}
	if c.Eps == 0 {
		c.Eps = 1e-6
	}
	return c
}

// Validate refuses configurations that the graph cannot express.
func (c TransformerConfig) Validate() error {
	if len(c.PatchSize) != 3 {
		return fmt.Errorf("transformer patch_size %v does not have three numbers: %w", c.PatchSize, errdefs.ErrInvalidArgument)
	}
	sizes := append([]int64{c.NumHeads, c.HeadDim, c.InChannels, c.OutChannels, c.TextDim, c.FreqDim, c.FFNDim}, c.PatchSize...)
	if err := nn.CheckSizes("transformer", sizes...); err != nil {
		return err
	}
	if err := nn.CheckLayers("transformer", c.NumLayers); err != nil {
		return err
	}
	if c.Eps < 0 {
		return fmt.Errorf("transformer eps %g is negative: %w", c.Eps, errdefs.ErrInvalidArgument)
	}
	if c.HeadDim%2 != 0 || c.FreqDim%2 != 0 {
		return fmt.Errorf("transformer head and frequency dimensions must be even: %w", errdefs.ErrInvalidArgument)
	}
	if c.QKNorm != nil && *c.QKNorm != "rms_norm_across_heads" {
		return fmt.Errorf("transformer with qk_norm %q; rms_norm_across_heads is supported: %w", *c.QKNorm, errdefs.ErrNotImplemented)
	}
	return nil
}

func (c TransformerConfig) patchVolume() int64 {
	return c.PatchSize[0] * c.PatchSize[1] * c.PatchSize[2]
}

// grid is the number of patches along frames, height and width of a latent.
func (c TransformerConfig) grid(frames, height, width int64) [3]int64 {
	return [3]int64{frames / c.PatchSize[0], height / c.PatchSize[1], width / c.PatchSize[2]}
}

// rotary are the tables for a grid of patches, repeated for the batch. Height and width get 2·(head/6) of each head, frames
// the rest.
func (c TransformerConfig) rotary(grid [3]int64, batch int64) (cos, sin engine.Tensor) {
	side := 2 * (c.HeadDim / 6)
	co, si := nn.RotaryTables(ropeTheta,
		nn.RotaryAxis{Dim: c.HeadDim - 2*side, Size: grid[0]}, nn.RotaryAxis{Dim: side, Size: grid[1]}, nn.RotaryAxis{Dim: side, Size: grid[2]})
	shape := []int64{batch, grid[0] * grid[1] * grid[2], c.HeadDim / 2}
	return engine.Floats(repeat(co, batch), shape...), engine.Floats(repeat(si, batch), shape...)
}

func repeat(v []float32, times int64) []float32 {
	out := make([]float32, 0, int64(len(v))*times)
	for range times {
		out = append(out, v...)
	}
	return out
}

// times are the timesteps of a batch as the graph takes them: one for each row of the batch or, per token, also one for each
// patch of every row.
func (c TransformerConfig) times(in engine.Values, steps []float32, batch, patches int64) {
	if !c.PerToken {
		var all []float32
		for _, t := range steps {
			all = append(all, nn.Sinusoid(t, c.FreqDim)...)
		}
		in[ditTime] = engine.Floats(all, batch, c.FreqDim)
		return
	}
	at, which, all := map[float32]int64{}, make([]int64, batch*patches), []float32(nil)
	each := batch * patches / int64(len(steps))
	for i := range which {
		t := steps[int64(i)/each]
		if _, known := at[t]; !known {
			at[t] = int64(len(at))
			all = append(all, nn.Sinusoid(t, c.FreqDim)...)
		}
		which[i] = at[t]
	}
	in[ditTime] = engine.Floats(all, int64(len(at)), c.FreqDim)
	in[ditWhich] = engine.Ints(which, batch, patches)
}
