package nn

import "github.com/videosdgx/videosdgx/functions/inference/onnx"

// Conv is one convolution over [batch, channels, frames, height, width].
type Conv struct {
	Name    string
	In, Out int64
	// Kernel is frames, height, width. With Flat the checkpoint stores a two-dimensional convolution: no frames dimension.
	Kernel [3]int64
	Flat   bool
	Stride [3]int64 // zero means one
	Pads   [6]int64 // begin of frames, height, width, then their ends
}

// Cube is the square 3×3×3 or 1×1×1 convolution and so on, padded so that height and width stay. Frames are not padded.
func Cube(name string, in, out, k int64) Conv {
	return Conv{Name: name, In: in, Out: out, Kernel: [3]int64{k, k, k}, Pads: [6]int64{0, k / 2, k / 2, 0, k / 2, k / 2}}
}

// Convolve applies c.
func (n *Net) Convolve(x onnx.Value, c Conv) onnx.Value {
	want := []int64{c.Out, c.In, c.Kernel[0], c.Kernel[1], c.Kernel[2]}
	have := want
	if c.Flat {
		have = []int64{c.Out, c.In, c.Kernel[1], c.Kernel[2]}
	}
	for i := range c.Stride {
		c.Stride[i] = max(c.Stride[i], 1)
	}
	return n.Op("Conv", []onnx.Value{x, n.ParamAs(c.Name+".weight", have, want), n.Param(c.Name+".bias", c.Out)},
		onnx.Ints("kernel_shape", c.Kernel[:]...), onnx.Ints("strides", c.Stride[:]...), onnx.Ints("pads", c.Pads[:]...))
}
