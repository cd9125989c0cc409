package vae

import (
	"fmt"

	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// residual is WanResidualBlock: norm, SiLU, convolution, twice, around a shortcut.
func (g *causal) residual(x onnx.Value, name string, in, out int64) onnx.Value {
	shortcut := x
	if in != out {
		shortcut = g.Convolve(x, nn.Cube(name+".conv_shortcut", in, out, 1))
	}
	h := g.SiLU(g.ChannelNorm(x, name+".norm1", in, 1, 1, 1))
	h = g.conv(h, nn.Cube(name+".conv1", in, out, 3))
	h = g.SiLU(g.ChannelNorm(h, name+".norm2", out, 1, 1, 1))
	return g.Add(g.conv(h, nn.Cube(name+".conv2", out, out, 3)), shortcut)
}

// middle is WanMidBlock: residual, attention, residual.
func (g *causal) middle(x onnx.Value, name string, dim int64) onnx.Value {
	x = g.residual(x, name+".resnets.0", dim, dim)
	x = g.frameAttention(x, name+".attentions.0", dim)
	return g.residual(x, name+".resnets.1", dim, dim)
}

// frameAttention has one head over the positions of each frame by itself.
func (g *causal) frameAttention(x onnx.Value, name string, dim int64) onnx.Value {
	flat := func(which string, out int64) nn.Conv {
		return nn.Conv{Name: name + "." + which, In: dim, Out: out, Kernel: [3]int64{1, 1, 1}, Flat: true}
	}
	h := g.ChannelNorm(x, name+".norm", dim, 1, 1)
	var qkv [3]onnx.Value
	var image onnx.Value
	for i, part := range g.Split(g.Convolve(h, flat("to_qkv", 3*dim)), 1, 3) {
		frames := g.Transpose(g.squeeze(part), 1, 2, 3, 0) // frames, height, width, channels
		qkv[i], image = g.Reshape(frames, g.Ints(0, -1, dim)), g.Op("Shape", []onnx.Value{frames})
	}
	o := g.Reshape(g.Attention(qkv[0], qkv[1], qkv[2], "", 1, 0), image)
	return g.Add(x, g.Convolve(g.Unsqueeze(g.Transpose(o, 3, 0, 1, 2), 0), flat("proj", dim)))
}

// squeeze drops the batch of one.
func (g *causal) squeeze(x onnx.Value) onnx.Value {
	return g.Op("Squeeze", []onnx.Value{x, g.Ints(0)})
}

// upsample is WanResample upwards: in time (twice the frames, but for the very first), then in space, to out channels.
func (g *causal) upsample(x onnx.Value, name string, dim, out int64, temporal bool) onnx.Value {
	if temporal {
		x = g.upsampleTime(x, name+".time_conv", dim)
	}
	return g.Convolve(g.double(x), nn.Conv{Name: name + ".resample.1", In: dim, Out: out, Kernel: [3]int64{1, 3, 3}, Flat: true, Pads: [6]int64{0, 1, 1, 0, 1, 1}})
}

// upsampleTime makes twice the channels and takes them apart into pairs of frames.
func (g *causal) upsampleTime(x onnx.Value, name string, dim int64) onnx.Value {
	if g.first {
		zeros := g.Op("Pad", []onnx.Value{g.Slice(x, 2, 0, 0), g.Ints(0, 0, history, 0, 0, 0, 0, 0, 0, 0)})
		g.cacheOut(zeros, dim, history)
		return x
	}
	y := g.squeeze(g.conv(x, nn.Conv{Name: name, In: dim, Out: 2 * dim, Kernel: [3]int64{3, 1, 1}}))
	clip := g.Op("Shape", []onnx.Value{y}, onnx.Int("start", 1))
	y = g.Reshape(y, g.Concat(0, g.Ints(2, dim), clip))
	y = g.Transpose(y, 1, 2, 0, 3, 4) // channels, frames, which of the pair, height, width
	return g.Reshape(y, g.Concat(0, g.Ints(1, dim, -1), g.sides(x)))
}

// double repeats every pixel to the right and below (nearest-exact by two), in four dimensions: the library doubles five
// fifty times slower.
func (g *causal) double(x onnx.Value) onnx.Value {
	y := g.Op("Resize", []onnx.Value{g.squeeze(x), "", g.Floats("scales.double", []int64{4}, []float32{1, 1, 2, 2})},
		onnx.Str("mode", "nearest"), onnx.Str("coordinate_transformation_mode", "asymmetric"), onnx.Str("nearest_mode", "floor"))
	return g.Unsqueeze(y, 0)
}

// downsample is WanResample downwards: in space, padded to the right and below only, then in time.
func (g *causal) downsample(x onnx.Value, name string, dim int64, temporal bool) onnx.Value {
	x = g.Convolve(x, nn.Conv{Name: name + ".resample.1", In: dim, Out: dim, Kernel: [3]int64{1, 3, 3}, Flat: true, Stride: [3]int64{1, 2, 2}, Pads: [6]int64{0, 0, 0, 0, 1, 1}})
	if !temporal {
		return x
	}
	if g.first {
		g.cacheOut(x, dim, 1)
		return x
	}
	x = g.lookBack(x, dim, 1)
	return g.Convolve(x, nn.Conv{Name: name + ".time_conv", In: dim, Out: dim, Kernel: [3]int64{3, 1, 1}, Stride: [3]int64{2, 1, 1}})
}

// ending is what encoder and decoder close with: norm, SiLU, convolution.
func (g *causal) ending(x onnx.Value, name string, in, out int64) onnx.Value {
	x = g.SiLU(g.ChannelNorm(x, name+".norm_out", in, 1, 1, 1))
	return g.conv(x, nn.Cube(name+".conv_out", in, out, 3))
}

func (g *causal) indexed(format string, i int64, fn func(name string)) {
	name := fmt.Sprintf(format, i)
	g.Scoped(name, func() { fn(name) })
}
