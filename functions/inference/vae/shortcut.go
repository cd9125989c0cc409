package vae

import (
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// meanShortcut is AvgDown3D, the way around a level of the residual encoder: the values of a cell of frames, rows and columns
// become channels, and neighbouring channels their mean. It is a convolution whose stride is its kernel and whose weights are
// constants. The first frame is the last of its cell; zeros stand before it.
func (g *causal) meanShortcut(x onnx.Value, name string, in, out int64, temporal, spatial bool) onnx.Value {
	ft, fs := factor(temporal), factor(spatial)
	cell := ft * fs * fs
	each := in * cell / out // channels of a mean
	groups := int64(1)
	for _, n := range []int64{in, out} {
		if in%n == 0 && out%n == 0 {
			groups = max(groups, n)
		}
	}
	from, to := in/groups, out/groups
	w := make([]float32, out*from*cell)
	for o := range out {
		for c := range from {
			channel := o/to*from + c
			for k := range cell {
				if (channel*cell+k)/each == o {
					w[(o*from+c)*cell+k] = 1 / float32(each)
				}
			}
		}
	}
	before := int64(0)
	if g.first {
		before = ft - 1
	}
	return g.Op("Conv", []onnx.Value{x, g.Constant(name+".shortcut", []int64{out, from, ft, fs, fs}, w)},
		onnx.Ints("kernel_shape", ft, fs, fs), onnx.Ints("strides", ft, fs, fs), onnx.Ints("pads", before, 0, 0, 0, 0, 0), onnx.Int("group", groups))
}

func factor(halved bool) int64 {
	if halved {
		return 2
	}
	return 1
}

// doubleShortcut is DupUp3D, the way around a level of the residual decoder: every channel is repeated, and the repetitions
// become the frames, rows and columns of a cell. The first frame gives the last of its cell alone. like has the result's sides.
func (g *causal) doubleShortcut(x, like onnx.Value, name string, in, out int64, temporal bool) onnx.Value {
	ft := factor(temporal)
	repeats := out * ft * 4 / in
	kept := ft
	if g.first {
		kept = 1
	}
	var from []int64
	for o := range out {
		for t := ft - kept; t < ft; t++ {
			for k := range int64(4) {
				from = append(from, ((o*ft+t)*4+k)/repeats)
			}
		}
	}
	y := g.Gather(g.squeeze(x), g.Ints(from...))
	clip := g.Op("Shape", []onnx.Value{y}, onnx.Int("start", 1))
	y = g.Reshape(y, g.Concat(0, g.Ints(out, kept, 2, 2), clip))
	y = g.Transpose(y, 0, 4, 1, 5, 2, 6, 3) // channel, frame, which of the cell; row, which; column, which
	return g.Reshape(y, g.Concat(0, g.Ints(1, out, -1), g.sides(like)))
}
