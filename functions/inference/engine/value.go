package engine

import (
	"fmt"
	"maps"

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

var _, _ Value = Tensor{}, Spent{}

// Spent is an input that its caller gives up with the run: Run closes it, also when it fails, and may write a result of the same
// shape into its memory where the graph allows it. States that are carried from run to run so need their memory once.
type Spent struct{ Value }

// Unspent takes inputs apart: the values themselves, and those that their caller has given up.
func (v Values) Unspent() (plain Values, spent map[string]Value) {
	plain = v
	for name, x := range v {
		if s, ok := x.(Spent); ok {
			if spent == nil {
				plain, spent = maps.Clone(v), map[string]Value{}
			}
			plain[name], spent[name] = s.Value, s.Value
		}
	}
	return plain, spent
}

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

// Fetched is a Value whose content can be copied to memory that is there already: to a tensor of its type and shape.
type Fetched interface {
	Value
	HostInto(t Tensor) error
}

// TensorInto is Tensor, in the memory of a spare one where that is as large and of the same type.
func (v Values) TensorInto(name string, spare Tensor) (Tensor, error) {
	f, ok := v[name].(Fetched)
	if !ok || spare.Data == nil || spare.Type() != f.Type() || Elements(spare.Shape) != Elements(f.Dims()) {
		return v.Tensor(name)
	}
	t := Tensor{Shape: f.Dims(), Data: spare.Data}
	return t, f.HostInto(t)
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
