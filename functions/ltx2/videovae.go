package ltx2

import (
	"fmt"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Inputs and outputs of the video VAE's graphs. Pixels are −1…1, the decoder's are not cut off.
const (
	vaeVideo   = "video"   // [batch, 3, frames, height, width]
	vaeLatents = "latents" // [batch, latent, frames, height, width]: not normalised
)

// videoGraph builds the video VAE.
type videoGraph struct {
	*nn.Net
	c      VideoVAEConfig
	causal bool
	mirror bool // pictures are padded by reflection
}

// VideoDecoder is the graph from latents to pixels.
func VideoDecoder(c VideoVAEConfig, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &videoGraph{nn.New("vae_decoder", "vae", o), c, c.DecoderCausal, c.DecoderPadding == "reflect"}
	x := g.Input(vaeLatents, onnx.Float32, "batch", c.Latent, "frames", "height", "width")
	channels, layers := slices.Clone(c.DecChannels), slices.Clone(c.DecLayers)
	factors, residual, scaling := slices.Clone(c.UpFactor), slices.Clone(c.UpResidual), slices.Clone(c.DecScaling)
	slices.Reverse(channels)
	slices.Reverse(layers)
	slices.Reverse(factors)
	slices.Reverse(residual)
	slices.Reverse(scaling)
	width := channels[0]
	x = g.conv(x, "decoder.conv_in", c.Latent, width)
	x = g.resnets(x, "decoder.mid_block.", width, layers[0])
	for i, wide := range channels {
		name := fmt.Sprintf("decoder.up_blocks.%d.", i)
		in, out := width/factors[i], wide/factors[i]
		if in != out {
			x = g.resnet(x, name+"conv_in.", in, out)
		}
		if scaling[i] {
			x = g.up(x, name+"upsamplers.0.", out*factors[i], factors[i], strides[c.Up[i]], residual[i])
		}
		x, width = g.resnets(x, name, out, layers[i+1]), out
	}
	pixels := 3 * c.Patch * c.Patch * c.PatchTime
	x = g.conv(g.SiLU(g.norm(x)), "decoder.conv_out", width, pixels)
	x = g.depthToSpace(x, 3, [3]int64{c.PatchTime, c.Patch, c.Patch}, true)
	g.Output(vaeVideo, x, onnx.Float32, "batch", 3, "frames_out", "height_out", "width_out")
	return g.Net, nil
}

// VideoEncoder is the graph from pixels to the mean of the latents' distribution.
func VideoEncoder(c VideoVAEConfig, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &videoGraph{nn.New("vae_encoder", "vae", o), c, c.EncoderCausal, c.EncoderPadding == "reflect"}
	x := g.Input(vaeVideo, onnx.Float32, "batch", 3, "frames", "height", "width")
	patch := [3]int64{c.PatchTime, c.Patch, c.Patch}
	x = g.spaceToDepth(x, 3, patch, true)
	width := c.Latent
	x = g.conv(x, "encoder.conv_in", 3*c.Patch*c.Patch*c.PatchTime, width)
	for i, out := range c.Channels {
		name := fmt.Sprintf("encoder.down_blocks.%d.", i)
		x = g.resnets(x, name, width, c.Layers[i])
		if c.Scaling[i] {
			x, width = g.down(x, name+"downsamplers.0.", width, out, strides[c.Down[i]]), out
		}
	}
	x = g.resnets(x, "encoder.mid_block.", width, c.Layers[len(c.Layers)-1])
	x = g.conv(g.SiLU(g.norm(x)), "encoder.conv_out", width, c.Latent+1)
	g.Output(vaeLatents, g.Slice(x, 1, 0, c.Latent), onnx.Float32, "batch", c.Latent, "frames_out", "height_out", "width_out")
	return g.Net, nil
}

// norm is every point over the root of its channels' mean square.
func (g *videoGraph) norm(x onnx.Value) onnx.Value {
	mean := g.Op("ReduceMean", []onnx.Value{g.Mul(x, x), g.Ints(1)})
	return g.Div(x, g.Op("Sqrt", []onnx.Value{g.Add(mean, g.Float(1e-8))}))
}

// conv is a 3×3×3 convolution that keeps the size. The first frame stands before the first twice, or the first and the last
// once beyond each end.
func (g *videoGraph) conv(x onnx.Value, name string, in, out int64) onnx.Value {
	before, after := int64(1), int64(1)
	if g.causal {
		before, after = 2, 0
	}
	x = g.Op("Pad", []onnx.Value{x, g.Ints(0, 0, before, 0, 0, 0, 0, after, 0, 0)}, onnx.Str("mode", "edge"))
	spatial := int64(1)
	if g.mirror {
		x = g.Op("Pad", []onnx.Value{x, g.Ints(0, 0, 0, 1, 1, 0, 0, 0, 1, 1)}, onnx.Str("mode", "reflect"))
		spatial = 0
	}
	return g.Convolve(x, nn.Conv{Name: name + ".conv", In: in, Out: out, Kernel: [3]int64{3, 3, 3}, Pads: [6]int64{0, spatial, spatial, 0, spatial, spatial}})
}

func (g *videoGraph) resnets(x onnx.Value, name string, channels, n int64) onnx.Value {
	for i := range n {
		x = g.resnet(x, fmt.Sprintf("%sresnets.%d.", name, i), channels, channels)
	}
	return x
}

func (g *videoGraph) resnet(x onnx.Value, name string, in, out int64) onnx.Value {
	h := g.conv(g.SiLU(g.norm(x)), name+"conv1", in, out)
	h = g.conv(g.SiLU(g.norm(h)), name+"conv2", out, out)
	if in != out {
		x = g.Transpose(g.LayerNorm(g.Transpose(x, 0, 2, 3, 4, 1), name+"norm3", in, g.c.Eps), 0, 4, 1, 2, 3)
		x = g.Convolve(x, nn.Conv{Name: name + "conv_shortcut", In: in, Out: out, Kernel: [3]int64{1, 1, 1}})
	}
	return g.Add(x, h)
}
