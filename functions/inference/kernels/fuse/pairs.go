package fuse

import (
	"encoding/binary"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// split is a clip whose frames have been made as channels of a convolution over time, so many frames of one.
type split struct {
	value            string // what the convolution makes
	frames, channels int64
}

// splits finds what takes a convolution's channels apart into frames: [1, frames · channels, T, H, W] becomes
// [1, channels, T · frames, H, W] by two reshapes with a transposition between them. The zero value is anything else.
func (l *layout) splits(n *onnx.Node) split {
	turn := l.maker(n.Inputs[0], "Transpose")
	if turn == nil || !slices.Equal(numbers(turn, "perm"), []int64{1, 2, 0, 3, 4}) {
		return split{}
	}
	apart := l.maker(turn.Inputs[0], "Reshape")
	if apart == nil {
		return split{}
	}
	flat := l.maker(apart.Inputs[0], "Squeeze")
	if flat == nil || !slices.Equal(l.ints(input(flat, 1)), []int64{0}) {
		return split{}
	}
	conv := l.maker(flat.Inputs[0], "Conv")
	if conv == nil || l.inner[flat.Inputs[0]] == "" {
		return split{}
	}
	head, of := l.shape(apart.Inputs[1], 1, 0)
	if len(head) != 2 || of != apart.Inputs[0] {
		return split{}
	}
	back, picture := l.shape(n.Inputs[1], 3, 5)
	if !slices.Equal(back, []int64{1, head[1], -1}) || picture != l.source(conv.Inputs[0]).value || !overTime(conv) {
		return split{}
	}
	return split{flat.Inputs[0], head[0], head[1]}
}

// overTime says whether a convolution leaves pictures as large as they are.
func overTime(conv *onnx.Node) bool {
	kernel, strides, pads := numbers(conv, "kernel_shape"), numbers(conv, "strides"), numbers(conv, "pads")
	return len(kernel) == 3 && kernel[1] == 1 && kernel[2] == 1 && slices.Equal(strides[1:], []int64{1, 1}) && pads[1]+pads[2]+pads[4]+pads[5] == 0
}

// shape takes a shape apart that is joined of constants and of a value's sizes from one dimension to another (0: the last).
func (l *layout) shape(value string, from, to int64) (head []int64, of string) {
	join := l.maker(value, "Concat")
	if join == nil || len(join.Inputs) != 2 {
		return nil, ""
	}
	sizes := l.maker(join.Inputs[1], "Shape")
	if sizes == nil || integer(sizes, "start") != from || integer(sizes, "end") != to {
		return nil, ""
	}
	return l.ints(join.Inputs[0]), sizes.Inputs[0]
}

// apart does it with the channels innermost, where frames of one convolution lie beside each other.
func (l *layout) apart(n *onnx.Node, s split) {
	in, made := l.inner[s.value], n.Outputs[0]
	name := func(what string) string { return made + "." + what }
	l.put(onnx.Node{Name: name("apart"), Op: "Reshape", Inputs: []string{in, l.constant(0, 0, 0, 0, s.frames, s.channels)}, Outputs: []string{name("apart")}})
	l.put(onnx.Node{Name: name("turned"), Op: "Transpose", Inputs: []string{name("apart")}, Outputs: []string{name("turned")}, Attrs: []onnx.Attr{onnx.Ints("perm", 0, 1, 4, 2, 3, 5)}})
	l.put(onnx.Node{Name: name("picture"), Op: "Shape", Inputs: []string{in}, Outputs: []string{name("picture")}, Attrs: []onnx.Attr{onnx.Int("start", 2), onnx.Int("end", 4)}})
	l.put(onnx.Node{Name: name("sizes"), Op: "Concat", Inputs: []string{l.constant(1, -1), name("picture"), l.constant(s.channels)}, Outputs: []string{name("sizes")}, Attrs: []onnx.Attr{onnx.Int("axis", 0)}})
	l.put(onnx.Node{Name: n.Name, Op: "Reshape", Inputs: []string{name("turned"), name("sizes")}, Outputs: []string{l.name(made)}})
}

// constant is a vector of integers of this package's making.
func (l *layout) constant(v ...int64) string {
	name := l.fresh("ints")
	raw := make([]byte, 0, 8*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
	}
	l.weights[name] = &onnx.Tensor{Name: name, Type: onnx.Int64, Dims: []int64{int64(len(v))}, Raw: raw}
	return name
}
