package ltx2

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// AudioVAEConfig is audio_vae/config.json.
type AudioVAEConfig struct {
	Base       int64   `json:"base_channels"`
	In         int64   `json:"in_channels"`
	Out        int64   `json:"output_channels"`
	Mult       []int64 `json:"ch_mult"`
	Blocks     int64   `json:"num_res_blocks"`
	Latent     int64   `json:"latent_channels"`
	Norm       string  `json:"norm_type"`
	Causality  string  `json:"causality_axis"`
	MidAttn    bool    `json:"mid_block_add_attention"`
	Attention  []int64 `json:"attn_resolutions"`
	SampleRate int64   `json:"sample_rate"`
	Hop        int64   `json:"mel_hop_length"`
	Mels       int64   `json:"mel_bins"`
	DoubleZ    *bool   `json:"double_z"`
}

// WithDefaults fills what the file may leave out with the defaults of diffusers.
func (c AudioVAEConfig) WithDefaults() AudioVAEConfig {
	for _, d := range []struct {
		to    *int64
		value int64
	}{{&c.Base, 128}, {&c.In, 2}, {&c.Out, 2}, {&c.Blocks, 2}, {&c.Latent, 8}, {&c.SampleRate, 16000}, {&c.Hop, 160}, {&c.Mels, 64}} {
		if *d.to == 0 {
			*d.to = d.value
		}
	}
	if c.Mult == nil {
		c.Mult = []int64{1, 2, 4}
	}
	return c
}

// Factor is how many frames of the spectrogram, and how many of its bins, stand for one of the latents.
func (c AudioVAEConfig) Factor() int64 { return 1 << max(len(c.Mult)-1, 0) }

// Validate refuses configurations that the graphs cannot express.
func (c AudioVAEConfig) Validate() error {
	switch {
	case c.Norm != "pixel" || c.Causality != "height":
		return fmt.Errorf("LTX-2 audio VAE with norm_type %q and causality_axis %q; pixel and height are supported: %w", c.Norm, c.Causality, errdefs.ErrNotImplemented)
	case c.MidAttn || len(c.Attention) > 0:
		return fmt.Errorf("LTX-2 audio VAE with attention is not supported: %w", errdefs.ErrNotImplemented)
	case len(c.Mult) == 0 || len(c.Mult) > 8 || c.Blocks < 1:
		return fmt.Errorf("LTX-2 audio VAE of %d levels of %d blocks: %w", len(c.Mult), c.Blocks, errdefs.ErrInvalidArgument)
	}
	return nil
}
