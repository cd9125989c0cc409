package footprint

import (
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

func unsqueeze(_ *onnx.Node, in []*value) ([]*value, error) {
	if in[1].ints == nil {
		return unknown()
	}
	rank := int64(len(in[0].dims) + len(in[1].ints))
	dims, from := make([]int64, 0, rank), in[0].dims
	for i := range rank {
		if slices.Contains(in[1].ints, i) || slices.Contains(in[1].ints, i-rank) {
			dims = append(dims, 1)
		} else {
			dims, from = append(dims, from[0]), from[1:]
		}
	}
	return one(in[0].dtype, dims...)
}

func squeeze(_ *onnx.Node, in []*value) ([]*value, error) {
	if len(in) < 2 || in[1].ints == nil {
		return unknown()
	}
	var dims []int64
	for i, d := range in[0].dims {
		if !slices.Contains(in[1].ints, int64(i)) {
			dims = append(dims, d)
		}
	}
	return one(in[0].dtype, dims...)
}

func split(n *onnx.Node, in []*value) (out []*value, err error) {
	axis, parts := attr(n, "axis", 0), int64(len(n.Outputs))
	if axis < 0 {
		axis += int64(len(in[0].dims))
	}
	size := (in[0].dims[axis] + parts - 1) / parts
	for left := in[0].dims[axis]; int64(len(out)) < parts; left -= size {
		dims := slices.Clone(in[0].dims)
		dims[axis] = max(min(size, left), 0)
		out = append(out, &value{dtype: in[0].dtype, dims: dims})
	}
	return out, nil
}

func slice(_ *onnx.Node, in []*value) ([]*value, error) {
	dims := slices.Clone(in[0].dims)
	if len(in) < 4 || in[1].ints == nil || in[2].ints == nil || in[3].ints == nil {
		return unknown()
	}
	for i, axis := range in[3].ints {
		if axis < 0 {
			axis += int64(len(dims))
		}
		n := in[0].dims[axis]
		bound := func(v int64) int64 {
			if v < 0 {
				v += n
			}
			return min(max(v, 0), n)
		}
		dims[axis] = max(bound(in[2].ints[i])-bound(in[1].ints[i]), 0)
	}
	return one(in[0].dtype, dims...)
}

func gather(_ *onnx.Node, in []*value) ([]*value, error) {
	return one(in[0].dtype, slices.Concat(in[1].dims, in[0].dims[1:])...)
}

func reduce(n *onnx.Node, in []*value) ([]*value, error) {
	dims := slices.Clone(in[0].dims)
	axes := attrInts(n, "axes")
	if len(in) > 1 && in[1] != nil {
		axes = in[1].ints
	}
	if axes == nil {
		return unknown()
	}
	for _, a := range axes {
		if a < 0 {
			a += int64(len(dims))
		}
		dims[a] = 1
	}
	if attr(n, "keepdims", 1) == 0 && len(axes) == 1 && axes[0] >= 0 {
		dims = slices.Delete(dims, int(axes[0]), int(axes[0])+1)
	}
	return one(in[0].dtype, dims...)
}

func conv(n *onnx.Node, in []*value) ([]*value, error) {
	dims, rank := []int64{in[0].dims[0], in[1].dims[0]}, len(in[0].dims)-2
	strides, pads, dilations := attrInts(n, "strides"), attrInts(n, "pads"), attrInts(n, "dilations")
	for i := range rank {
		stride, pad, kernel := int64(1), int64(0), in[1].dims[2+i]
		if dilations != nil {
			kernel = (kernel-1)*dilations[i] + 1
		}
		if strides != nil {
			stride = strides[i]
		}
		if pads != nil {
			pad = pads[i] + pads[rank+i]
		}
		dims = append(dims, (in[0].dims[2+i]+pad-kernel)/stride+1)
	}
	return one(in[0].dtype, dims...)
}

func convTranspose(n *onnx.Node, in []*value) ([]*value, error) {
	dims, rank := []int64{in[0].dims[0], in[1].dims[1]}, len(in[0].dims)-2
	strides, pads := attrInts(n, "strides"), attrInts(n, "pads")
	for i := range rank {
		stride, pad := int64(1), int64(0)
		if strides != nil {
			stride = strides[i]
		}
		if pads != nil {
			pad = pads[i] + pads[rank+i]
		}
		dims = append(dims, (in[0].dims[2+i]-1)*stride+in[1].dims[2+i]-pad)
	}
	return one(in[0].dtype, dims...)
}

// gatherND takes rows by one index each, batch by batch.
func gatherND(n *onnx.Node, in []*value) ([]*value, error) {
	last := len(in[1].dims) - 1
	from := attr(n, "batch_dims", 0) + in[1].dims[last]
	return one(in[0].dtype, slices.Concat(in[1].dims[:last], in[0].dims[from:])...)
}

func pad(_ *onnx.Node, in []*value) ([]*value, error) {
	dims := slices.Clone(in[0].dims)
	if len(in[1].ints) != 2*len(dims) {
		return unknown()
	}
	for i := range dims {
		dims[i] += in[1].ints[i] + in[1].ints[len(dims)+i]
	}
	return one(in[0].dtype, dims...)
}

func expand(n *onnx.Node, in []*value) ([]*value, error) {
	if in[1].ints == nil {
		return unknown()
	}
	return broadcast(n, []*value{in[0], {dims: in[1].ints}})
}

// resize is the doubling that nn emits: its scales are constants, which are found by the last two dimensions' doubling.
func resize(_ *onnx.Node, in []*value) ([]*value, error) {
	dims := slices.Clone(in[0].dims)
	for i := len(dims) - 2; i < len(dims); i++ {
		dims[i] *= 2
	}
	return one(in[0].dtype, dims...)
}

// innermostConv is a convolution over a clip whose channels are innermost; a second result has the frames that the next run looks
// back at.
func innermostConv(n *onnx.Node, in []*value) ([]*value, error) {
	x, taps := in[0].dims, []string{"t", "h", "w"}
	front, behind := []string{"before", "top", "left"}, []string{"", "bottom", "right"}
	dims := []int64{x[0]}
	for i := range taps {
		side := x[1+i]
		if i > 0 && attr(n, "double", 0) == 1 {
			side *= 2
		}
		dims = append(dims, (side+attr(n, front[i], 0)+attr(n, behind[i], 0)-attr(n, "kernel_"+taps[i], 1))/attr(n, "stride_"+taps[i], 1)+1)
	}
	out := []*value{{dtype: in[0].dtype, dims: append(dims, in[1].dims[0])}}
	if len(n.Outputs) > 1 {
		out = append(out, &value{dtype: in[0].dtype, dims: []int64{x[0], attr(n, "carry", 0), x[2], x[3], x[4]}})
	}
	return out, nil
}

// double repeats every pixel to the right and below.
func double(_ *onnx.Node, in []*value) ([]*value, error) {
	dims := slices.Clone(in[0].dims)
	for i := len(dims) - 2; i < len(dims); i++ {
		dims[i] *= 2
	}
	return one(in[0].dtype, dims...)
}
