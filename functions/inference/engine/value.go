package engine

import (
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// Value is a dense array in row-major order, wherever it lies: a Tensor, or memory of an engine's on a device. Its content
// never changes.
type Value interface {
	// Dims is its shape, Type the type of its elements.
	Dims() []int64
	Type() onnx.DType
	// Device is where it lies.
	Device() Device
	// Host is its content in host memory: a copy, or the tensor itself.
	Host() (Tensor, error)
	// Close frees the memory once runs that read it have ended, and may be called twice. A value that is forgotten is freed
	// when the garbage collector finds it: close what is large. A Tensor's does nothing.
	Close() error
}

var _ Value = Tensor{}

// Values are the inputs or outputs of a run, by name.
type Values map[string]Value

// Tensor is the value of a name in host memory. A missing one is NotFound.
func (v Values) Tensor(name string) (Tensor, error) {
	x, ok := v[name]
	if !ok {
		return Tensor{}, fmt.Errorf("no value %s: %w", name, errdefs.ErrNotFound)
	}
	return x.Host()
}

// Float32 is the content of a float32 tensor in host memory, nil for anything else.
func (v Values) Float32(name string) []float32 {
	t, _ := v[name].(Tensor)
	return t.Float32()
}

// Close closes all of them.
func (v Values) Close() {
	for _, x := range v {
		_ = x.Close() // freeing memory: what could be done about an error
	}
}
