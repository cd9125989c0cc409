package ort

// #include "shim.h"
import "C"

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// value is a tensor in memory of the library's. Runs that read it hold mu as readers, Close is the writer.
type value struct {
	mu      sync.RWMutex
	v       *C.OrtValue
	engine  *Engine
	device  engine.Device
	dtype   onnx.DType
	dims    []int64
	cleanup runtime.Cleanup
}

var _ engine.Value = (*value)(nil)

// newValue owns v; on an error it is freed.
func newValue(e *Engine, v *C.OrtValue, d engine.Device) (*value, error) {
	dtype, dims, err := describe(v)
	if err != nil {
		C.ort_value_free(v)
		return nil, err
	}
	x := &value{v: v, engine: e, device: d, dtype: dtype, dims: dims}
	x.cleanup = runtime.AddCleanup(x, func(v *C.OrtValue) { C.ort_value_free(v) }, v)
	return x, nil
}

func describe(v *C.OrtValue) (onnx.DType, []int64, error) {
	var dtype C.int
	var n C.size_t
	var dims [16]C.int64_t
	if err := check(C.ort_type_shape(v, &dtype, &dims[0], C.size_t(len(dims)), &n)); err != nil {
		return 0, nil, err
	}
	if int(n) > len(dims) {
		return 0, nil, fmt.Errorf("a result of %d dimensions: %w", n, errdefs.ErrNotImplemented)
	}
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(dims[i])
	}
	return onnx.DType(dtype), out, nil // ONNX's numbers of element types are the library's
}

func (x *value) Dims() []int64         { return x.dims }
func (x *value) Type() onnx.DType      { return x.dtype }
func (x *value) Device() engine.Device { return x.device }

// Close frees the memory when no run reads it any more.
func (x *value) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.v == nil {
		return nil
	}
	x.cleanup.Stop()
	C.ort_value_free(x.v)
	x.v = nil
	return nil
}

// Host copies the content.
func (x *value) Host() (engine.Tensor, error) {
	t, err := engine.Make(x.dtype, x.dims...)
	if err == nil {
		err = x.HostInto(t)
	}
	if err != nil {
		return engine.Tensor{}, err
	}
	return t, nil
}

// HostInto copies the content to a tensor of its type and shape.
func (x *value) HostInto(t engine.Tensor) error {
	if t.Type() != x.dtype || !slices.Equal(t.Shape, x.dims) {
		return fmt.Errorf("a tensor of type %d and shape %v for a value of type %d and shape %v: %w", t.Type(), t.Shape, x.dtype, x.dims, errdefs.ErrInvalidArgument)
	}
	if !x.device.Host() {
		touch(t.Bytes())
		return x.engine.copies.fetch(x.engine, x, t)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.v == nil {
		return errClosed
	}
	return readInto(x.v, t)
}

var errClosed = fmt.Errorf("the value is closed: %w", errdefs.ErrFailedPrecondition)

// read copies a tensor of the library's in host memory.
func read(v *C.OrtValue, dtype onnx.DType, dims []int64) (engine.Tensor, error) {
	t, err := engine.Make(dtype, dims...)
	if err != nil {
		return t, err
	}
	return t, readInto(v, t)
}

func readInto(v *C.OrtValue, t engine.Tensor) error {
	var data unsafe.Pointer
	if err := check(C.ort_data(v, &data)); err != nil {
		return err
	}
	if to := t.Bytes(); len(to) > 0 {
		copy(to, unsafe.Slice((*byte)(data), len(to)))
	}
	return nil
}

// wrap is a value that reads a tensor's own memory, which stays pinned until the caller unpins and frees.
func (e *Engine) wrap(name string, t engine.Tensor, pins *runtime.Pinner) (*C.OrtValue, error) {
	if err := t.Check(name); err != nil {
		return nil, err
	}
	host, err := e.memory.get(engine.Device{})
	if err != nil {
		return nil, err
	}
	raw := t.Bytes()
	data := unsafe.Pointer(&nothing)
	if len(raw) > 0 {
		data = unsafe.Pointer(&raw[0])
		pins.Pin(&raw[0])
	}
	dims := make([]C.int64_t, len(t.Shape)+1) // one more, so that a scalar has an address too
	for i, d := range t.Shape {
		dims[i] = C.int64_t(d)
	}
	var v *C.OrtValue
	err = check(C.ort_tensor(host, data, C.size_t(len(raw)), &dims[0], C.size_t(len(t.Shape)), C.int(t.Type()), &v))
	return v, err
}

var nothing C.int64_t // what an empty tensor points to
