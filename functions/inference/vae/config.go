package vae

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// Config is vae/config.json.
type Config struct {
	BaseDim            int64     `json:"base_dim"`
	DecoderBaseDim     int64     `json:"decoder_base_dim"`
	ZDim               int64     `json:"z_dim"`
	DimMult            []int64   `json:"dim_mult"`
	NumResBlocks       int64     `json:"num_res_blocks"`
	AttnScales         []float64 `json:"attn_scales"`
	TemporalDownsample []bool    `json:"temperal_downsample"`
	LatentsMean        []float64 `json:"latents_mean"`
	LatentsStd         []float64 `json:"latents_std"`
	IsResidual         bool      `json:"is_residual"`
	InChannels         int64     `json:"in_channels"`
	OutChannels        int64     `json:"out_channels"`
	PatchSize          *int64    `json:"patch_size"`
}

// The statistics of the published VAE's latents, which its configuration may leave out.
var (
	publishedMean = []float64{-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508, 0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921}
	publishedStd  = []float64{2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743, 3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160}
)

// WithDefaults fills what the file may leave out with the defaults of diffusers.
func (c Config) WithDefaults() Config {
	for _, d := range []struct {
		v *int64
		n int64
	}{{&c.BaseDim, 96}, {&c.ZDim, 16}, {&c.NumResBlocks, 2}, {&c.InChannels, 3}, {&c.OutChannels, 3}} {
		if *d.v == 0 {
			*d.v = d.n
		}
	}
	if c.DecoderBaseDim == 0 {
		c.DecoderBaseDim = c.BaseDim
	}
	if c.DimMult == nil {
		c.DimMult = []int64{1, 2, 4, 4}
	}
	if c.TemporalDownsample == nil {
		c.TemporalDownsample = []bool{false, true, true}
	}
	if c.LatentsMean == nil {
		c.LatentsMean = publishedMean
	}
	if c.LatentsStd == nil {
		c.LatentsStd = publishedStd
	}
	if c.PatchSize != nil && c.InChannels == 3 && c.OutChannels == 3 { // as releases before 0.36 wrote it: of pixels, not of squares
		c.InChannels, c.OutChannels = 3*c.Patch()*c.Patch(), 3*c.Patch()*c.Patch()
	}
	return c
}

// Validate refuses configurations that the graphs cannot express.
func (c Config) Validate() error {
	if len(c.AttnScales) > 0 {
		return fmt.Errorf("VAE with attn_scales is not supported: those of Wan 2.1 and 2.2 have none: %w", errdefs.ErrNotImplemented)
	}
	if p := c.Patch(); p < 1 || c.InChannels%(p*p) != 0 || c.OutChannels != 3*p*p {
		return fmt.Errorf("VAE with patch_size %d needs %d in_channels and out_channels, has %d and %d: %w", p, 3*p*p, c.InChannels, c.OutChannels, errdefs.ErrInvalidArgument)
	}
	if len(c.DimMult) < 2 || len(c.TemporalDownsample) != len(c.DimMult)-1 {
		return fmt.Errorf("VAE with %d entries in dim_mult needs %d in temperal_downsample, has %d: %w",
			len(c.DimMult), len(c.DimMult)-1, len(c.TemporalDownsample), errdefs.ErrInvalidArgument)
	}
	return nil
}

// ValidateStatistics is apart from Validate, since graphs work on latents that are not normalised.
func (c Config) ValidateStatistics() error {
	if int64(len(c.LatentsMean)) != c.ZDim || int64(len(c.LatentsStd)) != c.ZDim {
		return fmt.Errorf("VAE with z_dim %d needs as many latents_mean and latents_std: %w", c.ZDim, errdefs.ErrInvalidArgument)
	}
	return nil
}

// SpatialScale is how many pixels a side of one latent value covers.
func (c Config) SpatialScale() int64 { return c.Patch() << (len(c.DimMult) - 1) }

// TemporalScale is how many frames one latent frame after the first stands for.
func (c Config) TemporalScale() int64 {
	n := int64(1)
	for _, d := range c.TemporalDownsample {
		if d {
			n *= 2
		}
	}
	return n
}
