package ltx2

import (
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
)

// VideoVAEConfig is vae/config.json. Lists are as the file has them: the decoder's run from the picture to the latents.
type VideoVAEConfig struct {
	Latent         int64    `json:"latent_channels"`
	Channels       []int64  `json:"block_out_channels"`
	Layers         []int64  `json:"layers_per_block"`
	Scaling        []bool   `json:"spatio_temporal_scaling"`
	Down           []string `json:"downsample_type"`
	DecChannels    []int64  `json:"decoder_block_out_channels"`
	DecLayers      []int64  `json:"decoder_layers_per_block"`
	DecScaling     []bool   `json:"decoder_spatio_temporal_scaling"`
	Up             []string `json:"upsample_type"`
	UpResidual     []bool   `json:"upsample_residual"`
	UpFactor       []int64  `json:"upsample_factor"`
	InjectNoise    []bool   `json:"decoder_inject_noise"`
	TimeCondition  bool     `json:"timestep_conditioning"`
	Patch          int64    `json:"patch_size"`
	PatchTime      int64    `json:"patch_size_t"`
	EncoderCausal  bool     `json:"encoder_causal"`
	DecoderCausal  bool     `json:"decoder_causal"`
	EncoderPadding string   `json:"encoder_spatial_padding_mode"`
	DecoderPadding string   `json:"decoder_spatial_padding_mode"`
	Eps            float64  `json:"resnet_norm_eps"`
}

// strides of a step in frames, height and width.
var strides = map[string][3]int64{"spatial": {1, 2, 2}, "temporal": {2, 1, 1}, "spatiotemporal": {2, 2, 2}}

// WithDefaults fills what the file may leave out with the defaults of diffusers.
func (c VideoVAEConfig) WithDefaults() VideoVAEConfig {
	if c.Patch == 0 {
		c.Patch = 4
	}
	if c.PatchTime == 0 {
		c.PatchTime = 1
	}
	if c.Eps == 0 {
		c.Eps = 1e-6
	}
	if c.Up == nil {
		for range c.DecChannels {
			c.Up = append(c.Up, "spatiotemporal")
		}
	}
	return c
}

// Validate refuses configurations that the graphs cannot express.
func (c VideoVAEConfig) Validate() error {
	n, d := len(c.Channels), len(c.DecChannels)
	switch {
	case c.Latent <= 0 || n == 0 || d == 0:
		return fmt.Errorf("LTX-2 video VAE: %d latent channels, %d and %d blocks: %w", c.Latent, n, d, errdefs.ErrInvalidArgument)
	case len(c.Layers) != n+1 || len(c.Scaling) != n || len(c.Down) != n:
		return fmt.Errorf("LTX-2 video VAE: an encoder of %d blocks has %d layer counts, %d scalings, %d types: %w", n, len(c.Layers), len(c.Scaling), len(c.Down), errdefs.ErrInvalidArgument)
	case len(c.DecLayers) != d+1 || len(c.DecScaling) != d || len(c.Up) != d || len(c.UpResidual) != d || len(c.UpFactor) != d:
		return fmt.Errorf("LTX-2 video VAE: the lists of a decoder of %d blocks have other lengths: %w", d, errdefs.ErrInvalidArgument)
	case slices.Contains(c.InjectNoise, true) || c.TimeCondition:
		return fmt.Errorf("LTX-2 video VAE whose decoder takes noise or a timestep is not supported: %w", errdefs.ErrNotImplemented)
	}
	for _, kind := range append(slices.Clone(c.Down), c.Up...) {
		if strides[kind] == [3]int64{} {
			return fmt.Errorf("LTX-2 video VAE with a step of the type %q is not supported: %w", kind, errdefs.ErrNotImplemented)
		}
	}
	for _, mode := range []string{c.EncoderPadding, c.DecoderPadding} {
		if mode != "" && mode != "zeros" && mode != "reflect" {
			return fmt.Errorf("LTX-2 video VAE with the padding %q is not supported: %w", mode, errdefs.ErrNotImplemented)
		}
	}
	return nil
}

// SpatialScale is how many pixels a side of one latent value covers, TemporalScale how many frames one latent frame after the
// first stands for.
func (c VideoVAEConfig) SpatialScale() int64  { return c.scale(1, c.Patch) }
func (c VideoVAEConfig) TemporalScale() int64 { return c.scale(0, c.PatchTime) }

func (c VideoVAEConfig) scale(axis int, patch int64) int64 {
	for i, kind := range c.Down {
		if c.Scaling[i] {
			patch *= strides[kind][axis]
		}
	}
	return patch
}
