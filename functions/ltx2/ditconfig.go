package ltx2

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// The ways in which a checkpoint lays out its rotary embedding.
const (
	ropeSplit       = "split"       // the first half of a head against its second, other frequencies in every head
	ropeInterleaved = "interleaved" // neighbouring pairs over the whole width
)

// TransformerConfig is transformer/config.json.
type TransformerConfig struct {
	InChannels  int64 `json:"in_channels"`
	OutChannels int64 `json:"out_channels"`
	Patch       int64 `json:"patch_size"` // as PatchTime 1, or left out
	PatchTime   int64 `json:"patch_size_t"`
	NumHeads    int64 `json:"num_attention_heads"`
	HeadDim     int64 `json:"attention_head_dim"`
	TextDim     int64 `json:"cross_attention_dim"`

	AudioInChannels  int64 `json:"audio_in_channels"`
	AudioOutChannels int64 `json:"audio_out_channels"`
	AudioNumHeads    int64 `json:"audio_num_attention_heads"`
	AudioHeadDim     int64 `json:"audio_attention_head_dim"`
	AudioTextDim     int64 `json:"audio_cross_attention_dim"`

	NumLayers int64   `json:"num_layers"`
	QKNorm    string  `json:"qk_norm"`
	Eps       float64 `json:"norm_eps"`

	// What a version has: 2.0 projects captions itself, 2.3 gates attention and modulates the text by the noise level, 2.5
	// leaves the video's feed-forward biases out and marks keyframes.
	CaptionChannels     *int64 `json:"caption_channels"`
	UsePromptEmbeddings *bool  `json:"use_prompt_embeddings"`
	GatedAttn           bool   `json:"gated_attn"`
	AudioGatedAttn      bool   `json:"audio_gated_attn"`
	CrossAttnMod        bool   `json:"cross_attn_mod"`
	AudioCrossAttnMod   bool   `json:"audio_cross_attn_mod"`
	UsePromptAdaLN      *bool  `json:"use_prompt_adaln_single"`
	PerturbedAttn       bool   `json:"perturbed_attn"`
	FFBias              *bool  `json:"ff_bias"`
	AudioFFBias         *bool  `json:"audio_ff_bias"`
	KeyframesEmbedding  bool   `json:"use_keyframes_abs_pos_embedding"`

	Rope                    string  `json:"rope_type"`
	RopeTheta               float64 `json:"rope_theta"`
	VAEScale                []int64 `json:"vae_scale_factors"` // frames, height, width
	MaxPos                  int64   `json:"pos_embed_max_pos"` // seconds
	BaseHeight              int64   `json:"base_height"`       // pixels
	BaseWidth               int64   `json:"base_width"`
	AudioScale              int64   `json:"audio_scale_factor"`
	AudioMaxPos             int64   `json:"audio_pos_embed_max_pos"`
	SamplingRate            int64   `json:"audio_sampling_rate"`
	HopLength               int64   `json:"audio_hop_length"`
	CausalOffset            *int64  `json:"causal_offset"`
	TimestepMultiplier      float64 `json:"timestep_scale_multiplier"`
	CrossTimestepMultiplier float64 `json:"cross_attn_timestep_scale_multiplier"`

	// WholeText says that all of the text counts, as it does where connectors have registers: the graph then takes no mask.
	WholeText bool `json:"-"`
}

// Dim and AudioDim are the widths of the two residual streams.
func (c TransformerConfig) Dim() int64      { return c.NumHeads * c.HeadDim }
func (c TransformerConfig) AudioDim() int64 { return c.AudioNumHeads * c.AudioHeadDim }

// WithDefaults fills what the file may leave out with the defaults of diffusers.
func (c TransformerConfig) WithDefaults() TransformerConfig {
	for _, d := range []struct {
		to    *int64
		value int64
	}{
		{&c.OutChannels, c.InChannels}, {&c.AudioOutChannels, c.AudioInChannels}, {&c.MaxPos, 20}, {&c.AudioMaxPos, 20},
		{&c.BaseHeight, 2048}, {&c.BaseWidth, 2048}, {&c.AudioScale, 4}, {&c.SamplingRate, 16000}, {&c.HopLength, 160},
	} {
		if *d.to == 0 {
			*d.to = d.value
		}
	}
	for _, d := range []struct {
		to    *float64
		value float64
	}{{&c.Eps, 1e-6}, {&c.RopeTheta, 10000}, {&c.TimestepMultiplier, 1000}, {&c.CrossTimestepMultiplier, 1000}} {
		if *d.to == 0 {
			*d.to = d.value
		}
	}
	if c.VAEScale == nil {
		c.VAEScale = []int64{8, 32, 32}
	}
	if c.Rope == "" {
		c.Rope = ropeInterleaved
	}
	if c.CausalOffset == nil {
		one := int64(1)
		c.CausalOffset = &one
	}
	return c
}

// projectsCaptions says whether the transformer projects the text itself (2.0).
func (c TransformerConfig) projectsCaptions() bool {
	return c.CaptionChannels != nil && or(c.UsePromptEmbeddings, true)
}

// modulatesText says whether the noise level modulates the text that is attended to; tables alone do in checkpoints whose
// text keys are to be cached.
func (c TransformerConfig) modulatesText() (tables, level bool) {
	tables = c.CrossAttnMod || c.AudioCrossAttnMod
	return tables, tables && or(c.UsePromptAdaLN, true)
}

func or(b *bool, otherwise bool) bool {
	if b == nil {
		return otherwise
	}
	return *b
}

// Validate refuses configurations that the graph cannot express.
func (c TransformerConfig) Validate() error {
	for name, v := range map[string]int64{
		"in_channels": c.InChannels, "num_attention_heads": c.NumHeads, "attention_head_dim": c.HeadDim, "cross_attention_dim": c.TextDim,
		"audio_in_channels": c.AudioInChannels, "audio_num_attention_heads": c.AudioNumHeads, "audio_attention_head_dim": c.AudioHeadDim,
		"audio_cross_attention_dim": c.AudioTextDim, "num_layers": c.NumLayers,
	} {
		if v <= 0 || v > nn.MostSize {
			return fmt.Errorf("LTX-2 transformer: %s is %d; 1 to %d are possible: %w", name, v, nn.MostSize, errdefs.ErrInvalidArgument)
		}
	}
	if err := nn.CheckLayers("LTX-2 transformer", c.NumLayers); err != nil {
		return err
	}
	switch {
	case c.QKNorm != "rms_norm_across_heads":
		return fmt.Errorf("LTX-2 transformer with qk_norm %q; rms_norm_across_heads is supported: %w", c.QKNorm, errdefs.ErrNotImplemented)
	case c.Patch > 1 || c.PatchTime > 1:
		return fmt.Errorf("LTX-2 transformer with patches of %d × %d; 1 × 1 is supported: %w", c.PatchTime, c.Patch, errdefs.ErrNotImplemented)
	case c.Rope != ropeSplit && c.Rope != ropeInterleaved:
		return fmt.Errorf("LTX-2 transformer with rope_type %q; split and interleaved are supported: %w", c.Rope, errdefs.ErrNotImplemented)
	case c.HeadDim%2 != 0 || c.AudioHeadDim%2 != 0:
		return fmt.Errorf("LTX-2 transformer: head dimensions must be even: %w", errdefs.ErrInvalidArgument)
	case len(c.VAEScale) != 3:
		return fmt.Errorf("LTX-2 transformer: vae_scale_factors %v does not have three numbers: %w", c.VAEScale, errdefs.ErrInvalidArgument)
	case c.AudioDim() != c.AudioTextDim:
		return fmt.Errorf("LTX-2 transformer: the streams attend to each other with a width of %d, the sound's is %d: %w", c.AudioTextDim, c.AudioDim(), errdefs.ErrNotImplemented)
	case c.CrossTimestepMultiplier != c.TimestepMultiplier:
		return fmt.Errorf("LTX-2 transformer: time multipliers %g and %g differ: %w", c.TimestepMultiplier, c.CrossTimestepMultiplier, errdefs.ErrNotImplemented)
	}
	return nil
}
