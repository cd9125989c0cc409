package footprint

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// views are operators whose result lies in their operand's memory.
var views = map[string]bool{"Reshape": true, "Squeeze": true, "Unsqueeze": true, "Identity": true}

// inPlace are operators that may write over an operand.
var inPlace = map[string]bool{"Add": true, "Sub": true, "Mul": true, "Div": true, "Max": true, "Min": true, "Pow": true, "Sigmoid": true,
	"Tanh": true, "Relu": true, "LeakyRelu": true, "Gelu": true, "Clip": true, "Log": true, "Softmax": true, "Sqrt": true, "Exp": true, "Sin": true, "Cos": true}

// attends are the operators of attention, whose first three operands are queries, keys and values.
var attends = map[string]bool{"Attention": true, "MultiHeadAttention": true}

type rule func(n *onnx.Node, in []*value) ([]*value, error)

var rules map[string]rule

func init() {
	rules = map[string]rule{
		"Identity": like(0), "LayerNormalization": like(0), "RMSNormalization": like(0), "RotaryEmbedding": like(0), "Resize": resize,
		"Cast": cast, "Gemm": gemm, "MatMul": matMul, "QuantLinear": quantLinear, "Reshape": reshape, "Concat": concat, "Shape": shapeOf,
		"Transpose": transpose, "Unsqueeze": unsqueeze, "Squeeze": squeeze, "Split": split, "Slice": slice, "Gather": gather,
		"ReduceL2": reduce, "ReduceMean": reduce, "ReduceSum": reduce, "ReduceMin": reduce, "ReduceMax": reduce, "Attention": like(0), "InstanceNormalization": like(0),
		"Conv": conv, "ConvTranspose": convTranspose, "Pad": pad, "Expand": expand, "Mod": mod, "Neg": neg, "Greater": greater, "Where": where, "GatherND": gatherND,
		"ClipConv": innermostConv, "LastNorm": like(0), "ChannelNorm": like(0), "Double": double, "MultiHeadAttention": like(0),
	}
	for op := range inPlace {
		rules[op] = broadcast
	}
}

// infer gives a node's results and the memory that it takes beside them.
func infer(n *onnx.Node, in []*value) ([]*value, int64, error) {
	r := rules[n.Op]
	if r == nil {
		return nil, 0, fmt.Errorf("the memory of the operator %s is not known: %w", n.Op, errdefs.ErrNotImplemented)
	}
	out, err := r(n, in)
	if err != nil || len(out) != len(n.Outputs) {
		return nil, 0, fmt.Errorf("%s of %v gives %d results, not %d (%v): %w", n.Op, shapes(in), len(out), len(n.Outputs), err, errdefs.ErrInvalidArgument)
	}
	if n.Op == "Attention" && len(in) > 3 && in[3] != nil { // with a bias the scores are held as a whole
		heads := attr(n, "q_num_heads", 1)
		return out, out[0].dtype.Size(in[0].dims[0] * heads * in[0].dims[1] * in[1].dims[1]), nil
	}
	return out, 0, nil
}

func shapes(in []*value) (all [][]int64) {
	for _, v := range in {
		if v != nil {
			all = append(all, v.dims)
		}
	}
	return all
}

func attr(n *onnx.Node, name string, def int64) int64 {
	for _, a := range n.Attrs {
		if a.Name == name {
			return a.I
		}
	}
	return def
}

func attrInts(n *onnx.Node, name string) []int64 {
	for _, a := range n.Attrs {
		if a.Name == name {
			return a.Ints
		}
	}
	return nil
}

func intsOf(t *onnx.Tensor) []int64 {
	if t.Type != onnx.Int64 || t.Raw == nil || len(t.Raw) > 1024 {
		return nil
	}
	out := make([]int64, len(t.Raw)/8)
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(t.Raw[8*i:]))
	}
	return out
}

func one(t onnx.DType, dims ...int64) ([]*value, error) { return []*value{{dtype: t, dims: dims}}, nil }

func unknown() ([]*value, error) { return nil, fmt.Errorf("a shape is not known") }

func like(i int) rule {
	return func(_ *onnx.Node, in []*value) ([]*value, error) {
		return []*value{{dtype: in[i].dtype, dims: in[i].dims, ints: in[i].ints}}, nil
	}
}

func cast(n *onnx.Node, in []*value) ([]*value, error) {
	return one(onnx.DType(attr(n, "to", 1)), in[0].dims...)
}

func broadcast(n *onnx.Node, in []*value) ([]*value, error) {
	var dims []int64
	for _, v := range in {
		if v == nil {
			continue
		}
		for len(dims) < len(v.dims) {
			dims = slices.Insert(dims, 0, 1)
		}
		for i, d := range v.dims {
			if at := len(dims) - len(v.dims) + i; d != 1 {
				dims[at] = d
			}
		}
	}
	out, err := one(in[0].dtype, dims...)
	if f := arithmetic[n.Op]; f != nil && len(in) == 2 {
		out[0].ints = elementwise(in[0].ints, in[1].ints, f)
	}
	return out, err
}

// arithmetic is what graphs do with shapes.
var arithmetic = map[string]func(a, b int64) int64{
	"Add": func(a, b int64) int64 { return a + b }, "Sub": func(a, b int64) int64 { return a - b },
	"Mul": func(a, b int64) int64 { return a * b }, "Div": func(a, b int64) int64 { return a / max(b, 1) },
}

// elementwise computes with small vectors whose content is known; one element counts for all.
func elementwise(a, b []int64, f func(a, b int64) int64) (out []int64) {
	n := max(len(a), len(b))
	if len(a) == 0 || len(b) == 0 || len(a) != n && len(a) != 1 || len(b) != n && len(b) != 1 {
		return nil
	}
	for i := range n {
		out = append(out, f(a[min(i, len(a)-1)], b[min(i, len(b)-1)]))
	}
	return out
}

// greater makes a byte of every comparison.
func greater(n *onnx.Node, in []*value) ([]*value, error) {
	out, err := broadcast(n, in)
	out[0].dtype = onnx.Bool
	return out, err
}

func where(n *onnx.Node, in []*value) ([]*value, error) {
	out, err := broadcast(n, in)
	out[0].dtype = in[1].dtype
	return out, err
}

func gemm(n *onnx.Node, in []*value) ([]*value, error) {
	side := 1 - attr(n, "transB", 0)
	return one(in[0].dtype, in[0].dims[0], in[1].dims[side])
}

func matMul(_ *onnx.Node, in []*value) ([]*value, error) {
	dims := slices.Clone(in[0].dims)
	dims[len(dims)-1] = in[1].dims[len(in[1].dims)-1]
	return one(in[0].dtype, dims...)
}

func quantLinear(n *onnx.Node, in []*value) ([]*value, error) {
	dims := slices.Clone(in[0].dims)
	dims[len(dims)-1] = attr(n, "out_features", 0)
	return one(in[0].dtype, dims...)
}

func reshape(_ *onnx.Node, in []*value) ([]*value, error) {
	if in[1].ints == nil {
		return unknown()
	}
	dims, rest, known := slices.Clone(in[1].ints), -1, int64(1)
	for i, d := range dims {
		switch d {
		case 0:
			dims[i] = in[0].dims[i]
		case -1:
			rest = i
			continue
		}
		known *= dims[i]
	}
	if rest >= 0 {
		dims[rest] = product(in[0].dims) / max(known, 1)
	}
	return one(in[0].dtype, dims...)
}

func concat(n *onnx.Node, in []*value) ([]*value, error) {
	dims, axis := slices.Clone(in[0].dims), attr(n, "axis", 0)
	if axis < 0 {
		axis += int64(len(dims))
	}
	dims[axis] = 0
	var ints []int64
	for _, v := range in {
		dims[axis] += v.dims[axis]
		ints = append(ints, v.ints...)
	}
	out, err := one(in[0].dtype, dims...)
	if int64(len(ints)) == product(dims) {
		out[0].ints = ints
	}
	return out, err
}

func shapeOf(n *onnx.Node, in []*value) ([]*value, error) {
	rank := int64(len(in[0].dims))
	d := in[0].dims[attr(n, "start", 0):min(attr(n, "end", rank), rank)]
	return []*value{{dtype: onnx.Int64, dims: []int64{int64(len(d))}, ints: slices.Clone(d)}}, nil
}

func neg(_ *onnx.Node, in []*value) ([]*value, error) {
	return integers(in, func(v, _ int64) int64 { return -v })
}

// mod has the sign of the divisor.
func mod(_ *onnx.Node, in []*value) ([]*value, error) {
	return integers(in, func(v, d int64) int64 { return ((v % d) + d) % d })
}

// integers computes with small vectors whose content is known; a second operand has one element.
func integers(in []*value, f func(v, w int64) int64) ([]*value, error) {
	out, err := one(in[0].dtype, in[0].dims...)
	second := int64(0)
	if len(in) > 1 && len(in[1].ints) == 1 {
		second = in[1].ints[0]
	}
	for _, v := range in[0].ints {
		out[0].ints = append(out[0].ints, f(v, second))
	}
	return out, err
}

func transpose(n *onnx.Node, in []*value) ([]*value, error) {
	dims := make([]int64, len(in[0].dims))
	for i, from := range attrInts(n, "perm") {
		dims[i] = in[0].dims[from]
	}
	return one(in[0].dtype, dims...)
}
