package nn

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Policy says in which types a graph computes and how it holds its weights. The zero value is float32 throughout.
type Policy struct {
	// Activation is the type of what flows between nodes; 0 means float32. What goes in and out of the graph stays float32
	// all the same, but for states, which never leave the device.
	Activation onnx.DType
	// Linear chooses the format of a linear layer's weight; nil means Dense for all of them.
	Linear func(Linear) Format
	// Table is the type that embedding tables are held in; 0 means float32.
	Table onnx.DType
	// AttentionSlices is in how many parts of the queries attention is computed, one after the other; below two it is one. The
	// result is the same, the memory of the scores that part of the whole.
	AttentionSlices int
}

// Linear is a linear layer x·Wᵀ + b.
type Linear struct {
	Component string // of the checkpoint, such as "transformer"
	Name      string // of the layer; its tensors are Name.weight and Name.bias
	In, Out   int64
	Bias      bool
	// Times is a power of two that x has been multiplied by, and that the result keeps; 0 is 1. A layer that rounds its input by scales of
	// its own takes it away before and puts it back behind; it has no bias.
	Times float32
}

// times is Times, 1 where there is none.
func (l Linear) times() float32 {
	if l.Times == 0 {
		return 1
	}
	return l.Times
}

// Format is a form that the weight of a linear layer is held in, and the nodes that multiply by it.
type Format interface {
	// String is its name, such as "fp8".
	String() string
	// Product is x·Wᵀ + b over the last dimension of x, which has rank dimensions. The layer's tensors come from n.
	Product(n *Net, x onnx.Value, l Linear, rank int) onnx.Value
}

// activation is the type of what flows between nodes.
func (n *Net) activation() onnx.DType {
	if n.policy.Activation == 0 {
		return onnx.Float32
	}
	return n.policy.Activation
}

// Input declares an input of the graph. A float32 input flows on in the activation type.
func (n *Net) Input(name string, t onnx.DType, dims ...any) onnx.Value {
	v := n.Builder.Input(name, t, dims...)
	if t != onnx.Float32 {
		return v
	}
	return n.flow(v)
}

// Output declares an output of the graph; v is in the activation type when t is float32.
func (n *Net) Output(name string, v onnx.Value, t onnx.DType, dims ...any) {
	if t == onnx.Float32 && n.activation() != onnx.Float32 {
		v = n.Op("Cast", []onnx.Value{v}, onnx.Int("to", int64(onnx.Float32)))
	}
	n.Builder.Output(name, v, t, dims...)
}

// State declares an input in the activation type: what an earlier run has left on the device.
func (n *Net) State(name string, dims ...any) onnx.Value {
	return n.Builder.Input(name, n.activation(), dims...)
}

// Keep declares an output in the activation type, for a later run's State.
func (n *Net) Keep(name string, v onnx.Value, dims ...any) {
	n.Builder.Output(name, v, n.activation(), dims...)
}

// flow is a float32 value in the activation type.
func (n *Net) flow(v onnx.Value) onnx.Value {
	if n.activation() == onnx.Float32 {
		return v
	}
	if c, ok := n.cast[v]; ok {
		return c
	}
	c := n.Op("Cast", []onnx.Value{v}, onnx.Int("to", int64(n.activation())))
	n.cast[v] = c
	return c
}

// Float is a constant scalar in the activation type.
func (n *Net) Float(f float32) onnx.Value {
	if n.activation() == onnx.Float32 {
		return n.Builder.Float(f)
	}
	return n.flow(n.Builder.Float(f))
}

// encode writes float32 values as a floating-point type of 16 or 32 bits, rounding to nearest even.
func encode(t onnx.DType, v []float32) ([]byte, error) {
	switch t {
	case onnx.Float32:
		return Bytes(v), nil
	case onnx.BFloat16:
		out := make([]byte, 2*len(v))
		for i, f := range v {
			b := math.Float32bits(f)
			binary.LittleEndian.PutUint16(out[2*i:], uint16((b+0x7fff+b>>16&1)>>16))
		}
		return out, nil
	}
	return nil, fmt.Errorf("a table cannot be held as the ONNX type %d", t)
}
