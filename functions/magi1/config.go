package magi1

import (
	"fmt"
	"math"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// Config is the configuration that is published with a checkpoint: transformer/config.json.
type Config struct {
	Model   ModelConfig   `json:"model_config"`
	Runtime RuntimeConfig `json:"runtime_config"`
	Engine  EngineConfig  `json:"engine_config"`
}

// ModelConfig is the transformer's shape.
type ModelConfig struct {
	NumLayers     int64   `json:"num_layers"`
	HiddenSize    int64   `json:"hidden_size"`
	FFNSize       int64   `json:"ffn_hidden_size"`
	NumHeads      int64   `json:"num_attention_heads"`
	NumGroups     int64   `json:"num_query_groups"` // heads of keys and values
	HeadDim       int64   `json:"kv_channels"`
	Eps           float64 `json:"layernorm_epsilon"`
	Layernorm1p   *bool   `json:"apply_layernorm_1p"`
	Rescale       float64 `json:"x_rescale_factor"`
	HalfChannel   bool    `json:"half_channel_vae"` // the latent's channels go in twice, the first half comes out
	PatchSize     int64   `json:"patch_size"`
	TPatchSize    int64   `json:"t_patch_size"`
	InChannels    int64   `json:"in_channels"`
	OutChannels   int64   `json:"out_channels"`
	CondRatio     float64 `json:"cond_hidden_ratio"`
	CaptionSize   int64   `json:"caption_channels"`
	CaptionTokens int64   `json:"caption_max_length"`
	XAttnRatio    float64 `json:"xattn_cond_hidden_ratio"`
	GatingRatio   float64 `json:"cond_gating_ratio"`
	Gated         bool    `json:"gated_linear_unit"`
}

// RuntimeConfig is how a clip is walked, and what a request leaves out.
type RuntimeConfig struct {
	CFGNumber    int       `json:"cfg_number"` // 3: three passes; 1: one, of a distilled model
	CFGTimes     []float32 `json:"cfg_t_range"`
	PrevScales   []float32 `json:"prev_chunk_scales"`
	TextScales   []float32 `json:"text_scales"`
	KVRange      []int     `json:"noise2clean_kvrange"` // chunks that are attended to, by progress
	CleanKVRange int       `json:"clean_chunk_kvrange"`
	CleanTime    float32   `json:"clean_t"`
	NumFrames    int       `json:"num_frames"`
	Height       int       `json:"video_size_h"`
	Width        int       `json:"video_size_w"`
	NumSteps     int       `json:"num_steps"`
	WindowSize   int       `json:"window_size"` // chunks in flight
	FPS          int       `json:"fps"`
	ChunkWidth   int       `json:"chunk_width"` // latent frames of a chunk
	ScaleFactor  float32   `json:"scale_factor"`
	TimeFactor   int       `json:"temporal_downsample_factor"`
}

// EngineConfig is the part of the engine's configuration that decides what is computed.
type EngineConfig struct {
	FP8              bool    `json:"fp8_quant"`
	Distill          bool    `json:"distill"`
	NearlyCleanAbove float64 `json:"distill_nearly_clean_chunk_threshold"`
	Shortcut         string  `json:"shortcut_mode"`
}

// WithDefaults fills what the published files leave out with the defaults of the published code.
func (c Config) WithDefaults() Config {
	c.Model, c.Runtime = c.Model.WithDefaults(), c.Runtime.withDefaults()
	if c.Engine.NearlyCleanAbove == 0 {
		c.Engine.NearlyCleanAbove = 0.3
	}
	if c.Engine.Shortcut == "" {
		c.Engine.Shortcut = "8,16,16"
	}
	return c
}

// WithDefaults fills what may be left out.
func (c ModelConfig) WithDefaults() ModelConfig {
	for _, d := range []struct {
		v   *float64
		def float64
	}{{&c.Eps, 1e-6}, {&c.Rescale, 1}, {&c.CondRatio, 0.25}, {&c.XAttnRatio, 1}, {&c.GatingRatio, 1}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	for _, d := range []struct {
		v   *int64
		def int64
	}{{&c.PatchSize, 2}, {&c.TPatchSize, 1}, {&c.CaptionSize, 4096}, {&c.CaptionTokens, 800}, {&c.HeadDim, 128}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	return c
}

func (c RuntimeConfig) withDefaults() RuntimeConfig {
	for _, d := range []struct {
		v   *int
		def int
	}{{&c.CFGNumber, 1}, {&c.NumFrames, 96}, {&c.Height, 720}, {&c.Width, 720}, {&c.NumSteps, 64}, {&c.WindowSize, 4}, {&c.FPS, 24}, {&c.ChunkWidth, 6}, {&c.TimeFactor, 4}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	if c.CleanTime == 0 {
		c.CleanTime = 0.9999
	}
	if c.ScaleFactor == 0 {
		c.ScaleFactor = 0.18215
	}
	return c
}

// condSize is the width of what modulates the blocks.
func (c ModelConfig) condSize() int64 { return int64(float64(c.HiddenSize) * c.CondRatio) }

// latentChannels are those of the VAE.
func (c ModelConfig) latentChannels() int64 {
	if c.HalfChannel {
		return c.InChannels / 2
	}
	return c.InChannels
}

// bands are the rotary frequencies along each axis.
func (c ModelConfig) bands() int64 { return c.HeadDim / 8 }

func (c ModelConfig) heads() int64 { return c.NumHeads * c.HeadDim }
func (c ModelConfig) keys() int64  { return c.NumGroups * c.HeadDim }

// Validate refuses what the graph cannot express.
func (c ModelConfig) Validate() error {
	if err := nn.CheckLayers("transformer", c.NumLayers); err != nil {
		return err
	}
	if err := nn.CheckSizes("transformer", c.HiddenSize, c.FFNSize, c.NumHeads, c.NumGroups, c.HeadDim, c.PatchSize, c.TPatchSize, c.InChannels, c.OutChannels, c.CaptionSize, c.CaptionTokens); err != nil {
		return err
	}
	switch {
	case !(c.Eps > 0 && c.Eps < 1) || !(c.CondRatio > 0 && c.CondRatio <= 16) || c.condSize() < 1 || !(math.Abs(c.Rescale) <= 1e6):
		return fmt.Errorf("transformer with layernorm_epsilon %g, cond_hidden_ratio %g and x_rescale_factor %g; published ones have 1e-06, 0.25, and 1 or 0.1: %w", c.Eps, c.CondRatio, c.Rescale, errdefs.ErrInvalidArgument)
	case c.HeadDim%8 != 0 || c.NumHeads%c.NumGroups != 0 || c.heads()%projGroups != 0:
		return fmt.Errorf("transformer of %d heads of %d over %d groups: heads must be a multiple of groups, of a multiple of 8 values: %w", c.NumHeads, c.HeadDim, c.NumGroups, errdefs.ErrInvalidArgument)
	case c.TPatchSize != 1 || c.InChannels != c.OutChannels:
		return fmt.Errorf("transformer with t_patch_size %d, %d channels in and %d out; 1 and equal numbers are supported: %w", c.TPatchSize, c.InChannels, c.OutChannels, errdefs.ErrNotImplemented)
	case c.Layernorm1p != nil && !*c.Layernorm1p || c.XAttnRatio != 1 || c.GatingRatio != 1:
		return fmt.Errorf("transformer without apply_layernorm_1p, or with xattn_cond_hidden_ratio %g or cond_gating_ratio %g, which the published ones have as 1: %w", c.XAttnRatio, c.GatingRatio, errdefs.ErrNotImplemented)
	}
	return nil
}
