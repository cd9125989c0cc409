// Package vae has the causal video autoencoder of the class AutoencoderKLWan: its graphs, which work on a clip piece by piece
// and carry caches from one to the next, and what its latents and pixels are outside of them.
package vae

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Inputs and outputs of the VAE graphs, next to their caches.
const (
	Latent = "latent" // [1, z, latent frames, height, width]
	Video  = "video"  // [1, 3, frames, height, width], about [−1, 1]; not cut off there, since tiles blend before
	Mean   = "mean"   // of the latents, not yet normalised
	LogVar = "logvar"
)

// Decoder is the graph that decodes the first latent frame into one frame, or the next ones into TemporalScale frames each.
func Decoder(c Config, first bool, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g, frames := newCausal("vae_decoder", first, o)
	x := g.Input(Latent, onnx.Float32, 1, c.ZDim, frames, "height", "width")
	x = g.Convolve(x, nn.Cube("post_quant_conv", c.ZDim, c.ZDim, 1))
	dim := c.DecoderBaseDim * c.DimMult[len(c.DimMult)-1]
	x = g.conv(x, nn.Cube("decoder.conv_in", c.ZDim, dim, 3))
	x = g.middle(x, "decoder.mid_block", dim)
	for i := range c.DimMult {
		g.indexed("decoder.up_blocks.%d", int64(i), func(name string) { x, dim = g.up(x, c, name, i, dim) })
	}
	x = g.ending(x, "decoder", dim, c.OutChannels)
	g.Output(Video, x, onnx.Float32, 1, c.OutChannels, "frames_out", "height_out", "width_out")
	return g.Net, nil
}

// Encoder is the graph that encodes the first frame into one latent frame, or each TemporalScale of the next into one.
func Encoder(c Config, first bool, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g, frames := newCausal("vae_encoder", first, o)
	x := g.Input(Video, onnx.Float32, 1, c.InChannels, frames, "height", "width")
	dim := c.BaseDim
	x = g.conv(x, nn.Cube("encoder.conv_in", c.InChannels, dim, 3))
	if c.IsResidual {
		x, dim = g.downResidual(x, c)
	} else {
		x, dim = g.downFlat(x, c)
	}
	x = g.middle(x, "encoder.mid_block", dim)
	x = g.Convolve(g.ending(x, "encoder", dim, 2*c.ZDim), nn.Cube("quant_conv", 2*c.ZDim, 2*c.ZDim, 1))
	parts := g.Split(x, 1, 2)
	g.Output(Mean, parts[0], onnx.Float32, 1, c.ZDim, "frames_out", "height_out", "width_out")
	logvar := g.Op("Clip", []onnx.Value{parts[1], g.Float(-30), g.Float(20)})
	g.Output(LogVar, logvar, onnx.Float32, 1, c.ZDim, "frames_out", "height_out", "width_out")
	return g.Net, nil
}

// up is level i of the decoder, from in channels on: residual blocks, then twice the side.
func (g *causal) up(x onnx.Value, c Config, name string, i int, in int64) (onnx.Value, int64) {
	levels, entry, from := len(c.DimMult), x, in
	out := c.DecoderBaseDim * c.DimMult[levels-1-i]
	for j := range c.NumResBlocks + 1 {
		x = g.residual(x, fmt.Sprintf("%s.resnets.%d", name, j), in, out)
		in = out
	}
	if i == levels-1 {
		return x, out
	}
	temporal := c.TemporalDownsample[levels-2-i]
	if c.IsResidual {
		x = g.upsample(x, name+".upsampler", out, out, temporal)
		return g.Add(x, g.doubleShortcut(entry, x, name, from, out, temporal)), out
	}
	return g.upsample(x, name+".upsamplers.0", out, out/2, temporal), out / 2
}

// downFlat is Wan 2.1's encoder, whose blocks are one flat list in the checkpoint.
func (g *causal) downFlat(x onnx.Value, c Config) (onnx.Value, int64) {
	at, dim := 0, c.BaseDim
	name := func() string { at++; return fmt.Sprintf("encoder.down_blocks.%d", at-1) }
	for i, mult := range c.DimMult {
		for range c.NumResBlocks {
			x = g.residual(x, name(), dim, c.BaseDim*mult)
			dim = c.BaseDim * mult
		}
		if i < len(c.DimMult)-1 {
			x = g.downsample(x, name(), dim, c.TemporalDownsample[i])
		}
	}
	return x, dim
}

// downResidual is Wan 2.2's encoder: each level is a block around which a shortcut goes.
func (g *causal) downResidual(x onnx.Value, c Config) (onnx.Value, int64) {
	dim := c.BaseDim
	for i, mult := range c.DimMult {
		g.indexed("encoder.down_blocks.%d", int64(i), func(name string) {
			entry, from, last := x, dim, i == len(c.DimMult)-1
			for j := range c.NumResBlocks {
				x = g.residual(x, fmt.Sprintf("%s.resnets.%d", name, j), dim, c.BaseDim*mult)
				dim = c.BaseDim * mult
			}
			temporal := !last && c.TemporalDownsample[i]
			if !last {
				x = g.downsample(x, name+".downsampler", dim, temporal)
			}
			x = g.Add(x, g.meanShortcut(entry, name, from, dim, temporal, !last))
		})
	}
	return x, dim
}

func newCausal(name string, first bool, o nn.Options) (g *causal, frames any) {
	g = &causal{Net: nn.New(name, "vae", o), first: first}
	if first {
		return g, 1
	}
	return g, "frames"
}
