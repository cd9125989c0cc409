package engine

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// Tensor is a dense array in row-major order. Data is []float32, []int64, []int32, []uint8 or []bool.
type Tensor struct {
	Shape []int64
	Data  any
}

// Floats makes a float32 tensor of data, which it shares.
func Floats(data []float32, shape ...int64) Tensor { return Tensor{Shape: shape, Data: data} }

// Ints makes an int64 tensor of data, which it shares.
func Ints(data []int64, shape ...int64) Tensor { return Tensor{Shape: shape, Data: data} }

// Zeros makes a float32 tensor of zeros.
func Zeros(shape ...int64) Tensor { return Floats(make([]float32, Elements(shape)), shape...) }

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

// Check says whether shape and data agree.
func (t Tensor) Check(name string) error {
	n := -1
	switch d := t.Data.(type) {
	case []float32:
		n = len(d)
	case []int64:
		n = len(d)
	case []int32:
		n = len(d)
	case []uint8:
		n = len(d)
	case []bool:
		n = len(d)
	}
	if n < 0 || int64(n) != Elements(t.Shape) {
		return fmt.Errorf("tensor %s of shape %v holds %T of %d elements: %w", name, t.Shape, t.Data, n, errdefs.ErrInvalidArgument)
	}
	return nil
}
