package ltx2

import "github.com/videosdgx/videosdgx/functions/inference/onnx"

// up raises the resolution: a convolution makes the points of each cell as channels. The residual is the input spread the same
// way, as often as its channels go into the output's.
func (g *videoGraph) up(x onnx.Value, name string, in, factor int64, stride [3]int64, residual bool) onnx.Value {
	cell := stride[0] * stride[1] * stride[2]
	out := in / factor
	y := g.later(g.depthToSpace(g.conv(x, name+"conv", in, out*cell), out, stride, false), stride[0]-1)
	if !residual {
		return y
	}
	spread := g.later(g.depthToSpace(x, in/cell, stride, false), stride[0]-1)
	all := make([]onnx.Value, cell/factor)
	for i := range all {
		all[i] = spread
	}
	return g.Add(y, g.Concat(1, all...))
}

// later drops the first n frames.
func (g *videoGraph) later(x onnx.Value, n int64) onnx.Value {
	if n == 0 {
		return x
	}
	return g.Slice(x, 2, n, 1<<40)
}

// down lowers the resolution: the points of each cell become channels, after a convolution that makes fewer of them; the
// residual is the mean over groups of the input's.
func (g *videoGraph) down(x onnx.Value, name string, in, out int64, stride [3]int64) onnx.Value {
	cell := stride[0] * stride[1] * stride[2]
	if stride[0] > 1 {
		x = g.Concat(2, g.Slice(x, 2, 0, stride[0]-1), x)
	}
	residual := g.spaceToDepth(x, in, stride, false)
	group := in * cell / out
	shape := g.Concat(0, g.DimOf(residual, 0), g.Ints(out, group), g.DimOf(residual, 2), g.DimOf(residual, 3), g.DimOf(residual, 4))
	residual = g.Op("ReduceMean", []onnx.Value{g.Reshape(residual, shape), g.Ints(2)}, onnx.Int("keepdims", 0))
	return g.Add(g.spaceToDepth(g.conv(x, name+"conv", in, out/cell), out/cell, stride, false), residual)
}

// depthToSpace takes channels·cell channels to cells of stride points. A patch of pixels has its width before its height.
func (g *videoGraph) depthToSpace(x onnx.Value, channels int64, stride [3]int64, patch bool) onnx.Value {
	if stride == [3]int64{1, 1, 1} {
		return x
	}
	b, f, h, w := g.DimOf(x, 0), g.DimOf(x, 2), g.DimOf(x, 3), g.DimOf(x, 4)
	y := g.Reshape(x, g.Concat(0, b, g.Ints(channels, stride[0], stride[1], stride[2]), f, h, w))
	order := []int64{0, 1, 5, 2, 6, 3, 7, 4}
	if patch {
		order = []int64{0, 1, 5, 2, 6, 4, 7, 3}
	}
	times := func(d onnx.Value, n int64) onnx.Value { return g.Mul(d, g.Ints(n)) }
	return g.Reshape(g.Transpose(y, order...), g.Concat(0, b, g.Ints(channels), times(f, stride[0]), times(h, stride[1]), times(w, stride[2])))
}

// spaceToDepth is the other way.
func (g *videoGraph) spaceToDepth(x onnx.Value, channels int64, stride [3]int64, patch bool) onnx.Value {
	if stride == [3]int64{1, 1, 1} {
		return x
	}
	over := func(axis, n int64) onnx.Value { return g.Div(g.DimOf(x, axis), g.Ints(n)) }
	b, f, h, w := g.DimOf(x, 0), over(2, stride[0]), over(3, stride[1]), over(4, stride[2])
	y := g.Reshape(x, g.Concat(0, b, g.Ints(channels), f, g.Ints(stride[0]), h, g.Ints(stride[1]), w, g.Ints(stride[2])))
	order := []int64{0, 1, 3, 5, 7, 2, 4, 6}
	if patch {
		order = []int64{0, 1, 3, 7, 5, 2, 4, 6}
	}
	return g.Reshape(g.Transpose(y, order...), g.Concat(0, b, g.Ints(channels*stride[0]*stride[1]*stride[2]), f, h, w))
}
