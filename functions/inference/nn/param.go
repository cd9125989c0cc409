package nn

import (
	"fmt"
	"io"
	"math"
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
	// ReadFloat32 reads the elements of a tensor from position at on, in row-major order, converted to float32, until dst is
	// full.
	ReadFloat32(name string, at int64, dst []float32) error
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

// Param is a weight of the checkpoint in its own layout, of exactly these dimensions, in the activation type.
func (n *Net) Param(name string, dims ...int64) onnx.Value { return n.ParamAs(name, dims, dims) }

// ParamAs is a weight whose dimensions in the checkpoint are have, seen with the dimensions want of the same product.
func (n *Net) ParamAs(name string, have, want []int64) onnx.Value {
	return n.flow(n.held(name, onnx.Float32, have, want, 1))
}

// Float32Param is a weight in float32 whatever the activation type is.
func (n *Net) Float32Param(name string, dims ...int64) onnx.Value {
	return n.held(name, onnx.Float32, dims, dims, 1)
}

// held is a weight times a number as the type t; the bundle stores the product.
func (n *Net) held(name string, t onnx.DType, have, want []int64, factor float32) onnx.Value {
	if factor == 1 {
		return n.heldAs(name, t, have, want, nil)
	}
	return n.heldAs(name, t, have, want, func(v float32) float32 { return v * factor })
}

// heldAs is a weight as the type t, each value changed by f; the bundle stores what f gives. A nil f changes nothing.
func (n *Net) heldAs(name string, t onnx.DType, have, want []int64, f func(float32) float32) onnx.Value {
	n.Use(name, have...)
	return n.Weight(n.component+"/"+name, t, want, func(w io.Writer) error {
		return n.Stream(name, have, func(v []float32) error {
			if f != nil {
				for i := range v {
					v[i] = f(v[i])
				}
			}
			raw, err := encode(t, v)
			if err == nil {
				_, err = w.Write(raw)
			}
			return err
		})
	})
}

// Use notes that the graph needs a tensor, and that it must have these dimensions.
func (n *Net) Use(name string, dims ...int64) {
	n.noteParam(name, dims...)
	if n.src == nil {
		return
	}
	if err := n.check(name, dims); err != nil {
		n.Fail(err)
	}
}

func (n *Net) noteParam(name string, dims ...int64) {
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
	if !floating(info.DType) && info.DType != weights.F8E4M3 && info.DType != weights.F8E5M2 {
		return fmt.Errorf("tensor %s of %s is held as %s, which is understood for linear weights with scales only: %w", name, n.component, info.DType, errdefs.ErrNotImplemented)
	}
	if raw, ok := n.src.(rawSource); ok && info.DType == weights.F8E4M3 {
		if sign := signOfScales(raw); sign != "" {
			return fmt.Errorf("tensor %s of %s is held as %s and has no scale that is understood, in a checkpoint that has scales (%s): fetch it again: %w", name, n.component, info.DType, sign, errdefs.ErrInvalidArgument)
		}
	}
	if !slices.Equal(info.Shape, dims) {
		return fmt.Errorf("tensor %s of %s has the shape %v, its configuration needs %v: %w", name, n.component, info.Shape, dims, errdefs.ErrInvalidArgument)
	}
	return nil
}

// streamElements is about how many values of a weight are in memory at once.
const streamElements = 4 << 20

// Stream reads a tensor of the checkpoint in pieces of whole rows and hands each to use, which may change but not keep it.
func (n *Net) Stream(name string, dims []int64, use func(v []float32) error) error {
	if n.src == nil {
		return fmt.Errorf("graph of %s was built without a checkpoint: %w", n.component, errdefs.ErrFailedPrecondition)
	}
	total, row := Param{Dims: dims}.Elements(), int64(1)
	if len(dims) > 1 {
		row = Param{Dims: dims[1:]}.Elements()
	}
	buf := make([]float32, min(total, max(1, streamElements/max(row, 1))*row))
	for at := int64(0); at < total; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), total-at)]
		if err := n.src.ReadFloat32(name, at, buf); err != nil {
			return err
		}
		if i := notFinite(buf); i >= 0 {
			return fmt.Errorf("tensor %s of %s has the value %v at %d; weights must be finite, fetch the checkpoint again: %w", name, n.component, buf[i], at+int64(i), errdefs.ErrInvalidArgument)
		}
		if err := use(buf); err != nil {
			return fmt.Errorf("tensor %s of %s: %w", name, n.component, err)
		}
	}
	return nil
}

// notFinite is the position of the first NaN or infinity, −1 without one.
func notFinite(v []float32) int {
	for i, f := range v {
		if math.Float32bits(f)&0x7f800000 == 0x7f800000 {
			return i
		}
	}
	return -1
}

// Bytes is the memory of v; every machine that we run on is little-endian, as ONNX is.
func Bytes(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}
