// Package nn has the graph blocks that models share: linear layers, norms, attention, rotary tables, causal convolutions.
// A block takes its weights by the names of the published checkpoint, and checks their shapes against what the
// configuration says, so that a checkpoint that does not fit is told before anything runs.
package nn

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Source is where weights come from: an open safetensors file, or one component of a checkpoint.
type Source interface {
	// Info describes a tensor; errdefs.ErrNotFound when there is none of that name.
	Info(name string) (weights.Info, error)
	// Float32 reads a tensor, converted to float32, in row-major order.
	Float32(name string) ([]float32, error)
}

// Net builds the graph of one component. Its weights are named component/tensor in the bundle.
type Net struct {
	*onnx.Builder
	component string
	src       Source
	batch     onnx.Value
	params    []Param
	noted     map[string]bool
}

// Param is one tensor of the checkpoint that a graph uses.
type Param struct {
	Name string
	Dims []int64
}

// Elements is the number of values of the tensor.
func (p Param) Elements() int64 {
	n := int64(1)
	for _, d := range p.Dims {
		n *= d
	}
	return n
}

// Component is the component that the graph's weights belong to.
func (n *Net) Component() string { return n.component }

// New starts the graph of a component. A nil source builds the graph without weights: for counting and for inspection.
func New(graph, component string, src Source) *Net {
	return &Net{Builder: onnx.NewBuilder(graph), component: component, src: src, noted: map[string]bool{}}
}

// Params lists the tensors used so far.
func (n *Net) Params() []Param { return n.params }

// Param is a weight of the checkpoint in its own layout, of exactly these dimensions.
func (n *Net) Param(name string, dims ...int64) onnx.Value { return n.ParamAs(name, dims, dims) }

// ParamAs is a weight whose dimensions in the checkpoint are have, seen with the dimensions want of the same product.
func (n *Net) ParamAs(name string, have, want []int64) onnx.Value {
	return n.paramScaled(name, have, want, 1)
}

// paramScaled is ParamAs times a number; the bundle stores the product.
func (n *Net) paramScaled(name string, have, want []int64, factor float32) onnx.Value {
	n.note(name, have)
	if n.src != nil {
		if err := n.check(name, have); err != nil {
			n.Fail(err)
		}
	}
	return n.Weight(n.component+"/"+name, onnx.Float32, want, func() ([]byte, error) { return n.load(name, factor) })
}

func (n *Net) note(name string, dims []int64) {
	if !n.noted[name] {
		n.noted[name] = true
		n.params = append(n.params, Param{name, dims})
	}
}

func (n *Net) check(name string, dims []int64) error {
	info, err := n.src.Info(name)
	if err != nil {
		return err
	}
	if !slices.Equal(info.Shape, dims) {
		return fmt.Errorf("tensor %s of %s has the shape %v, its configuration needs %v: %w", name, n.component, info.Shape, dims, errdefs.ErrInvalidArgument)
	}
	return nil
}

func (n *Net) load(name string, factor float32) ([]byte, error) {
	if n.src == nil {
		return nil, fmt.Errorf("graph of %s was built without a checkpoint: %w", n.component, errdefs.ErrFailedPrecondition)
	}
	v, err := n.src.Float32(name)
	if err != nil {
		return nil, err
	}
	if factor != 1 {
		for i := range v {
			v[i] *= factor
		}
	}
	return Bytes(v), nil
}

// Bytes is the memory of v; every machine that we run on is little-endian, as ONNX is.
func Bytes(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}

// SetBatch names the value whose first dimension is the batch; Linear needs it to undo its flattening.
func (n *Net) SetBatch(x onnx.Value) { n.batch = n.DimOf(x, 0) }

// Dense is x·Wᵀ + b for x of two dimensions; the weight keeps the [out, in] layout of the checkpoint.
func (n *Net) Dense(x onnx.Value, name string, in, out int64, bias bool) onnx.Value {
	inputs := []onnx.Value{x, n.Param(name+".weight", out, in)}
	if bias {
		inputs = append(inputs, n.Param(name+".bias", out))
	}
	return n.Op("Gemm", inputs, onnx.Int("transB", 1))
}

// Linear is Dense over the last of three dimensions. It runs as one matrix product over all rows of the batch, which is
// faster than a batched product and adds the bias in the same pass.
func (n *Net) Linear(x onnx.Value, name string, in, out int64, bias bool) onnx.Value {
	y := n.Dense(n.Reshape(x, n.Ints(-1, in)), name, in, out, bias)
	return n.Reshape(y, n.shape3(out))
}

// shape3 is the shape vector [batch, −1, last].
func (n *Net) shape3(last int64) onnx.Value {
	return n.Concat(0, n.batch, n.Ints(-1, last))
}
