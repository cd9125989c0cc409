package gemma

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
)

// Config is the part of text_encoder/config.json that the graph needs; that of a model that sees pictures too has it under
// text_config.
type Config struct {
	VocabSize      int64    `json:"vocab_size"`
	Hidden         int64    `json:"hidden_size"`
	Intermediate   int64    `json:"intermediate_size"`
	Layers         int64    `json:"num_hidden_layers"`
	Heads          int64    `json:"num_attention_heads"`
	KVHeads        int64    `json:"num_key_value_heads"`
	HeadDim        int64    `json:"head_dim"`
	Eps            float64  `json:"rms_norm_eps"`
	QueryScalar    float64  `json:"query_pre_attn_scalar"`
	Window         int64    `json:"sliding_window"`
	LayerTypes     []string `json:"layer_types"`
	Pattern        int64    `json:"sliding_window_pattern"`
	RopeTheta      float64  `json:"rope_theta"`
	LocalTheta     float64  `json:"rope_local_base_freq"`
	RopeScaling    *scaling `json:"rope_scaling"`
	RopeParameters ropes    `json:"rope_parameters"`
	AttnSoftcap    *float64 `json:"attn_logit_softcapping"`
	Bidirectional  bool     `json:"use_bidirectional_attention"`
	AttentionBias  bool     `json:"attention_bias"`
	HiddenAct      string   `json:"hidden_activation"`
}

// scaling stretches positions: linear divides them by Factor.
type scaling struct {
	Kind   string  `json:"rope_type"`
	Factor float64 `json:"factor"`
	Theta  float64 `json:"rope_theta"`
}

// ropes are the newer form of a configuration's rotary part.
type ropes struct {
	Sliding *scaling `json:"sliding_attention"`
	Full    *scaling `json:"full_attention"`
}

const (
	sliding = "sliding_attention"
	full    = "full_attention"
)

// ParseConfig reads a configuration, of the text model or of one that sees pictures too.
func ParseConfig(raw []byte) (Config, error) {
	var outer struct {
		Text *Config `json:"text_config"`
	}
	var c Config
	for _, to := range []any{&outer, &c} {
		if err := json.Unmarshal(raw, to); err != nil {
			return c, fmt.Errorf("configuration of the text encoder: %w: %w", err, errdefs.ErrInvalidArgument)
		}
	}
	if outer.Text != nil {
		c = *outer.Text
	}
	c = c.WithDefaults()
	return c, c.Validate()
}

// WithDefaults fills what the file may leave out with the defaults of transformers.
func (c Config) WithDefaults() Config {
	for _, d := range []struct {
		to    *int64
		value int64
	}{{&c.HeadDim, 256}, {&c.KVHeads, 4}, {&c.Window, 4096}, {&c.Pattern, 6}} {
		if *d.to == 0 {
			*d.to = d.value
		}
	}
	for _, d := range []struct {
		to    *float64
		value float64
	}{{&c.Eps, 1e-6}, {&c.QueryScalar, 256}, {&c.RopeTheta, 1e6}, {&c.LocalTheta, 1e4}} {
		if *d.to == 0 {
			*d.to = d.value
		}
	}
	if c.LayerTypes == nil {
		for i := range c.Layers {
			kind := sliding
			if (i+1)%c.Pattern == 0 {
				kind = full
			}
			c.LayerTypes = append(c.LayerTypes, kind)
		}
	}
	return c
}

// Validate refuses configurations that the graph cannot express.
func (c Config) Validate() error {
	for name, v := range map[string]int64{
		"vocab_size": c.VocabSize, "hidden_size": c.Hidden, "intermediate_size": c.Intermediate, "num_hidden_layers": c.Layers, "num_attention_heads": c.Heads,
	} {
		if v <= 0 || v > nn.MostSize {
			return fmt.Errorf("Gemma: %s is %d; 1 to %d are possible: %w", name, v, nn.MostSize, errdefs.ErrInvalidArgument)
		}
	}
	if err := nn.CheckLayers("Gemma", c.Layers); err != nil {
		return err
	}
	switch {
	case c.Heads%c.KVHeads != 0 || c.HeadDim%2 != 0:
		return fmt.Errorf("Gemma: %d heads of %d for %d key heads: %w", c.Heads, c.HeadDim, c.KVHeads, errdefs.ErrInvalidArgument)
	case int64(len(c.LayerTypes)) != c.Layers:
		return fmt.Errorf("Gemma: %d layer types for %d layers: %w", len(c.LayerTypes), c.Layers, errdefs.ErrInvalidArgument)
	case c.AttnSoftcap != nil || c.Bidirectional || c.AttentionBias:
		return fmt.Errorf("Gemma with capped scores, attention in both directions or biases is not supported: %w", errdefs.ErrNotImplemented)
	case c.HiddenAct != "" && c.HiddenAct != "gelu_pytorch_tanh":
		return fmt.Errorf("Gemma with the activation %q; gelu_pytorch_tanh is supported: %w", c.HiddenAct, errdefs.ErrNotImplemented)
	}
	_, _, err := c.rope(full)
	return err
}

// rope is the base and the stretch of a kind of layer's rotary embedding.
func (c Config) rope(kind string) (theta, factor float64, err error) {
	theta, s := c.RopeTheta, c.RopeScaling
	if kind == sliding {
		theta, s = c.LocalTheta, nil
	}
	newer := map[string]*scaling{sliding: c.RopeParameters.Sliding, full: c.RopeParameters.Full}[kind]
	if newer != nil {
		s = newer
		if s.Theta > 0 {
			theta = s.Theta
		}
	}
	switch {
	case s == nil || s.Kind == "" || s.Kind == "default":
		return theta, 1, nil
	case s.Kind == "linear" && s.Factor > 0:
		return theta, s.Factor, nil
	}
	return 0, 0, fmt.Errorf("Gemma with rotary scaling %q; linear is supported: %w", s.Kind, errdefs.ErrNotImplemented)
}

func (c Config) scale() float64 { return 1 / math.Sqrt(c.QueryScalar) }
