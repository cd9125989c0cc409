package engine

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Tensor is a dense array in row-major order in host memory. Data is a slice of one of the types below, or of float32,
// float64, int64, int32, int8, uint8 or bool.
type Tensor struct {
	Shape []int64
	Data  any
}

// Element types that Go has no number for; a value is its bits.
type (
	BFloat16   uint16
	Float16    uint16
	Float8E4M3 uint8 // the "fn" variant: no infinities
	Float8E5M2 uint8
)

// Floats makes a float32 tensor of data, which it shares.
func Floats(data []float32, shape ...int64) Tensor { return Tensor{Shape: shape, Data: data} }

// Ints makes an int64 tensor of data, which it shares.
func Ints(data []int64, shape ...int64) Tensor { return Tensor{Shape: shape, Data: data} }

// Zeros makes a float32 tensor of zeros.
func Zeros(shape ...int64) Tensor { return Floats(make([]float32, Elements(shape)), shape...) }

// Make makes a tensor of zeros of any type that a Tensor can hold.
func Make(t onnx.DType, shape ...int64) (Tensor, error) {
	n := Elements(shape)
	for _, e := range elements {
		if e.dtype == t {
			return Tensor{Shape: shape, Data: e.make(n)}, nil
		}
	}
	return Tensor{}, fmt.Errorf("a tensor of the ONNX type %d cannot be held: %w", t, errdefs.ErrNotImplemented)
}

// Elements is the product of a shape.
func Elements(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}

// Float32 is the content of a float32 tensor, nil for another kind.
func (t Tensor) Float32() []float32 {
	f, _ := t.Data.([]float32)
	return f
}

// Dims is the shape.
func (t Tensor) Dims() []int64 { return t.Shape }

// Type is the element type, 0 when Data is nothing that a tensor holds.
func (t Tensor) Type() onnx.DType {
	e, _, _ := t.look()
	return e.dtype
}

// Device is the CPU.
func (t Tensor) Device() Device { return Device{} }

// Host is the tensor itself.
func (t Tensor) Host() (Tensor, error) { return t, nil }

// Close does nothing.
func (t Tensor) Close() error { return nil }

// Bytes is the content's memory, which is shared.
func (t Tensor) Bytes() []byte {
	_, _, b := t.look()
	return b
}

// Check says whether shape and data agree.
func (t Tensor) Check(name string) error {
	e, n, _ := t.look()
	if e.dtype == 0 || int64(n) != Elements(t.Shape) {
		return fmt.Errorf("tensor %s of shape %v holds %T of %d elements: %w", name, t.Shape, t.Data, n, errdefs.ErrInvalidArgument)
	}
	return nil
}
