package ltx2

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Inputs and outputs of the audio VAE's graphs.
const (
	audioMel     = "mel"     // [batch, channels, frames, bins]: logarithms
	audioLatents = "latents" // [batch, latent, frames, bins]: not normalised
)

// sound builds the audio VAE, which sees a spectrogram as a picture whose rows are time and never looks ahead.
type sound struct{ *nn.Net }

// AudioDecoder is the graph from latents to a spectrogram. The first frame of every step up is dropped: n latents become
// 4·n − 3 frames.
func AudioDecoder(c AudioVAEConfig, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &sound{nn.New("audio_decoder", "audio_vae", o)}
	x := g.Input(audioLatents, onnx.Float32, "batch", c.Latent, "frames", "bins")
	top := len(c.Mult) - 1
	width := c.Base * c.Mult[top]
	x = g.mid(g.conv(x, "decoder.conv_in", c.Latent, width, 3), "decoder.mid.", width)
	for level := top; level >= 0; level-- {
		name, out := fmt.Sprintf("decoder.up.%d.", level), c.Base*c.Mult[level]
		x, width = g.blocks(x, name, width, out, c.Blocks+1), out
		if level > 0 {
			x = g.up(x, name+"upsample.conv", width)
		}
	}
	x = g.conv(g.SiLU(g.norm(x)), "decoder.conv_out", width, c.Out, 3)
	g.Output(audioMel, x, onnx.Float32, "batch", c.Out, "frames_out", "bins_out")
	return g.Net, nil
}

// AudioEncoder is the graph from a spectrogram to the mean of the latents' distribution.
func AudioEncoder(c AudioVAEConfig, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &sound{nn.New("audio_encoder", "audio_vae", o)}
	x := g.Input(audioMel, onnx.Float32, "batch", c.In, "frames", "bins")
	width := c.Base
	x = g.conv(x, "encoder.conv_in", c.In, width, 3)
	for level, mult := range c.Mult {
		name := fmt.Sprintf("encoder.down.%d.", level)
		x, width = g.blocks(x, name, width, c.Base*mult, c.Blocks), c.Base*mult
		if level < len(c.Mult)-1 {
			x = g.flat(x, name+"downsample.conv", width, width, 3, 2, [4]int64{2, 0, 0, 1})
		}
	}
	x = g.mid(x, "encoder.mid.", width)
	parts := c.Latent
	if or(c.DoubleZ, true) {
		parts = 2 * c.Latent
	}
	x = g.conv(g.SiLU(g.norm(x)), "encoder.conv_out", width, parts, 3)
	g.Output(audioLatents, g.Slice(x, 1, 0, c.Latent), onnx.Float32, "batch", c.Latent, "frames_out", "bins_out")
	return g.Net, nil
}

func (g *sound) mid(x onnx.Value, name string, width int64) onnx.Value {
	return g.block(g.block(x, name+"block_1.", width, width), name+"block_2.", width, width)
}

func (g *sound) blocks(x onnx.Value, name string, in, out, n int64) onnx.Value {
	for i := range n {
		x, in = g.block(x, fmt.Sprintf("%sblock.%d.", name, i), in, out), out
	}
	return x
}

func (g *sound) block(x onnx.Value, name string, in, out int64) onnx.Value {
	h := g.conv(g.SiLU(g.norm(x)), name+"conv1", in, out, 3)
	h = g.conv(g.SiLU(g.norm(h)), name+"conv2", out, out, 3)
	if in != out {
		x = g.conv(x, name+"nin_shortcut", in, out, 1)
	}
	return g.Add(x, h)
}

// norm is every point over the root of its channels' mean square.
func (g *sound) norm(x onnx.Value) onnx.Value {
	mean := g.Op("ReduceMean", []onnx.Value{g.Mul(x, x), g.Ints(1)})
	return g.Div(x, g.Op("Sqrt", []onnx.Value{g.Add(mean, g.Float(1e-6))}))
}

// up doubles both sides by repetition and drops the first frame after its convolution.
func (g *sound) up(x onnx.Value, name string, width int64) onnx.Value {
	scales := g.Builder.Floats("twice", []int64{4}, []float32{1, 1, 2, 2})
	x = g.Op("Resize", []onnx.Value{x, "", scales}, onnx.Str("mode", "nearest"), onnx.Str("coordinate_transformation_mode", "asymmetric"), onnx.Str("nearest_mode", "floor"))
	return g.Slice(g.conv(x, name, width, width, 3), 2, 1, 1<<40)
}

// conv keeps the size: all padding in time lies before.
func (g *sound) conv(x onnx.Value, name string, in, out, kernel int64) onnx.Value {
	return g.flat(x, name+".conv", in, out, kernel, 1, [4]int64{kernel - 1, kernel / 2, 0, kernel / 2})
}

// flat is a convolution in two dimensions; pads are before, left, after, right.
func (g *sound) flat(x onnx.Value, name string, in, out, kernel, stride int64, pads [4]int64) onnx.Value {
	return g.Op("Conv", []onnx.Value{x, g.Param(name+".weight", out, in, kernel, kernel), g.Param(name+".bias", out)},
		onnx.Ints("strides", stride, stride), onnx.Ints("pads", pads[:]...))
}
