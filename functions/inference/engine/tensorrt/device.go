package tensorrt

/*
#include <stdlib.h>
#include "bind.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// device is one GPU: its stream, and all memory that values and plans take on it. Work on one stream is in order, so a value
// may be freed as soon as nobody will queue a read of it.
type device struct {
	at     engine.Device
	shim   *C.bind_shim
	handle *C.vdx_trt_device
	mu     sync.Mutex // around the stream: what one run queues stays together
}

func openDevice(shim *C.bind_shim, at engine.Device, limit int64) (*device, error) {
	d := &device{at: at, shim: shim}
	var w why
	text, size := w.at()
	if err := w.err(C.bind_device_open(shim, C.int32_t(at.Index), C.uint64_t(limit), &d.handle, text, size), "open "+at.String()); err != nil {
		return nil, err
	}
	return d, nil
}

// used is the bytes that values and plans hold.
func (d *device) used() int64 {
	var used, free, total C.uint64_t
	C.bind_device_memory(d.shim, d.handle, &used, &free, &total)
	return int64(used)
}

// free is the bytes that nobody holds.
func (d *device) free() int64 {
	var used, free, total C.uint64_t
	C.bind_device_memory(d.shim, d.handle, &used, &free, &total)
	return int64(free)
}

func (d *device) close() { C.bind_device_close(d.shim, d.handle) }

// memory is a value on a device.
type memory struct {
	d     *device
	dtype onnx.DType
	dims  []int64
	bytes int

	mu sync.RWMutex // readers queue reads of it
	p  unsafe.Pointer
}

var _ engine.Value = (*memory)(nil)

func (d *device) alloc(t onnx.DType, dims []int64, bytes int) (*memory, error) {
	m := &memory{d: d, dtype: t, dims: dims, bytes: bytes}
	var w why
	text, size := w.at()
	if err := w.err(C.bind_alloc(d.shim, d.handle, C.uint64_t(bytes), &m.p, text, size), fmt.Sprintf("%d bytes on %s", bytes, d.at)); err != nil {
		return nil, err
	}
	runtime.SetFinalizer(m, func(m *memory) { _ = m.Close() })
	return m, nil
}

// place copies a tensor to the device.
func (d *device) place(t engine.Tensor, name string) (*memory, error) {
	if err := t.Check(name); err != nil {
		return nil, err
	}
	raw := t.Bytes()
	m, err := d.alloc(t.Type(), t.Shape, len(raw))
	if err != nil || len(raw) == 0 {
		return m, err
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	pins.Pin(&raw[0])
	var w why
	text, size := w.at()
	status := C.bind_upload(d.shim, d.handle, m.p, unsafe.Pointer(&raw[0]), C.uint64_t(len(raw)), text, size)
	if status == C.VDX_TRT_OK { // the copy reads Go's memory until the stream has come this far
		status = C.bind_device_wait(d.shim, d.handle, text, size)
	}
	if err := w.err(status, "copy "+name+" to "+d.at.String()); err != nil {
		_ = m.Close()
		return nil, err
	}
	return m, nil
}

func (m *memory) Dims() []int64         { return m.dims }
func (m *memory) Type() onnx.DType      { return m.dtype }
func (m *memory) Device() engine.Device { return m.d.at }

// Host copies the value, after every run queued so far.
func (m *memory) Host() (engine.Tensor, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.p == nil {
		return engine.Tensor{}, fmt.Errorf("a value on %s is closed: %w", m.d.at, errdefs.ErrFailedPrecondition)
	}
	t, err := engine.Make(m.dtype, m.dims...)
	if err != nil {
		return t, err
	}
	raw := t.Bytes()
	if len(raw) == 0 {
		return t, nil
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	pins.Pin(&raw[0])
	var w why
	text, size := w.at()
	return t, w.err(C.bind_download(m.d.shim, m.d.handle, unsafe.Pointer(&raw[0]), m.p, C.uint64_t(len(raw)), text, size), "copy from "+m.d.at.String())
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.p != nil {
		C.bind_free(m.d.shim, m.d.handle, m.p)
		m.p = nil
		runtime.SetFinalizer(m, nil)
	}
	return nil
}

// capability is the GPU's compute capability: 121 for sm_121.
func (d *device) capability() int { return int(C.bind_device_capability(d.shim, d.handle)) }

// name is what the driver calls the GPU.
func (d *device) name() string {
	var text [256]C.char
	C.bind_device_name(d.shim, d.handle, &text[0], C.size_t(len(text)))
	return C.GoString(&text[0])
}
