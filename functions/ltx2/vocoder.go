package ltx2

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Input and output of the vocoder's graph.
const (
	vocMel  = "mel"      // [batch, channels, frames, bins]
	vocWave = "waveform" // [batch, channels, samples]
)

// voice builds vocoders: transposed convolutions and residual blocks over time.
type voice struct {
	*nn.Net
	batch onnx.Value // its size, as a vector of one
}

// Vocoder is the graph of LTX2Vocoder, or of LTX2VocoderWithBWE where the configuration extends the bandwidth.
func Vocoder(c VocoderConfig, o nn.Options) (*nn.Net, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &voice{Net: nn.New("vocoder", "vocoder", o)}
	mel := g.Input(vocMel, onnx.Float32, "batch", "channels", "frames", "bins")
	g.batch = g.DimOf(mel, 0)
	x := g.reshape(g.Transpose(mel, 0, 1, 3, 2), c.InChannels)
	out := c.OutChannels
	if c.Extends() {
		x, out = g.extended(x, c), c.BWEOut
	} else {
		x = g.generate(x, c.generator, "")
	}
	g.Output(vocWave, x, onnx.Float32, "batch", out, "samples")
	return g.Net, nil
}

// reshape is x as [batch, channels, time].
func (g *voice) reshape(x onnx.Value, channels int64) onnx.Value {
	return g.Reshape(x, g.Concat(0, g.batch, g.Ints(channels, -1)))
}

// generate is LTX2Vocoder: after each stage the mean of blocks of several widths.
func (g *voice) generate(x onnx.Value, c generator, name string) onnx.Value {
	x = g.conv(x, name+"conv_in", c.InChannels, c.Hidden, 7, 1, true)
	channels := c.Hidden
	for i, factor := range c.Factors {
		if c.Act == leaky {
			x = g.leaky(x, c.Slope)
		}
		x = g.upsampled(x, fmt.Sprintf("%supsamplers.%d", name, i), channels, c.Kernels[i], factor)
		channels /= 2
		x = g.blocks(x, c, channels, name, i*len(c.ResKernels))
	}
	if c.Act == leaky {
		x = g.leaky(x, 0.01) // not the configuration's slope, in the reference too
	} else {
		x = g.smooth(x, c, name+"act_out.", channels, true)
	}
	x = g.conv(x, name+"conv_out", channels, c.OutChannels, 7, 1, *c.FinalBias)
	switch *c.FinalAct {
	case "tanh":
		x = g.Op("Tanh", []onnx.Value{x})
	case "clamp":
		x = g.Op("Clip", []onnx.Value{x, g.Float(-1), g.Float(1)})
	}
	return x
}

func (g *voice) blocks(x onnx.Value, c generator, channels int64, name string, first int) onnx.Value {
	var sum onnx.Value
	for j, kernel := range c.ResKernels {
		y := g.block(x, c, channels, kernel, c.ResDilations[j], fmt.Sprintf("%sresnets.%d.", name, first+j))
		if sum == "" {
			sum = y
		} else {
			sum = g.Add(sum, y)
		}
	}
	return g.Mul(sum, g.Float(1/float32(len(c.ResKernels))))
}

func (g *voice) block(x onnx.Value, c generator, channels, kernel int64, dilations []int64, name string) onnx.Value {
	act := func(x onnx.Value, which string, i int) onnx.Value {
		if c.Act == leaky {
			return g.leaky(x, c.Slope)
		}
		return g.smooth(x, c, fmt.Sprintf("%s%s.%d.", name, which, i), channels, *c.Antialias)
	}
	for i, d := range dilations {
		y := g.conv(act(x, "acts1", i), fmt.Sprintf("%sconvs1.%d", name, i), channels, channels, kernel, d, true)
		y = g.conv(act(y, "acts2", i), fmt.Sprintf("%sconvs2.%d", name, i), channels, channels, kernel, 1, true)
		x = g.Add(x, y)
	}
	return x
}

func (g *voice) leaky(x onnx.Value, slope float64) onnx.Value {
	return g.Op("LeakyRelu", []onnx.Value{x}, onnx.Float("alpha", float32(slope)))
}

// conv keeps the length: of an even kernel's padding the larger part is behind.
func (g *voice) conv(x onnx.Value, name string, in, out, kernel, dilation int64, bias bool) onnx.Value {
	total := dilation * (kernel - 1)
	inputs := []onnx.Value{x, g.Param(name+".weight", out, in, kernel)}
	if bias {
		inputs = append(inputs, g.Param(name+".bias", out))
	}
	return g.Op("Conv", inputs, onnx.Ints("dilations", dilation), onnx.Ints("pads", total/2, total-total/2))
}

func (g *voice) upsampled(x onnx.Value, name string, in, kernel, factor int64) onnx.Value {
	pad := (kernel - factor) / 2
	return g.Op("ConvTranspose", []onnx.Value{x, g.Param(name+".weight", in, in/2, kernel), g.Param(name+".bias", in/2)},
		onnx.Ints("strides", factor), onnx.Ints("pads", pad, pad))
}
