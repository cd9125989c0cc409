package ort

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"unsafe"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/internal/sharedlib"
)

// Engine is the loaded library. There is one per process: the library keeps process-wide state.
type Engine struct {
	version string
	memory  memories
	copies  copies
	turns   turns
	threads threads
	// blocks take memory for weights, by the kind of device; the library reads or maps them where there is none.
	blocks  map[engine.Kind]func(d engine.Device, bytes int64) (block, error)
	uploads uploads
}

var _ engine.Engine = (*Engine)(nil)

var load struct {
	sync.Mutex
	engine *Engine
}

// Load finds the library and opens it once; later calls return the same engine.
func Load() (*Engine, error) { return LoadFor(engine.Device{}) }

// LoadFor is Load of a library that knows the device. It has no effect on a library that is loaded already: there is one.
func LoadFor(d engine.Device) (*Engine, error) {
	load.Lock()
	defer load.Unlock()
	if load.engine != nil {
		return load.engine, nil
	}
	path, err := libraryFor(d)
	if err != nil {
		return nil, err
	}
	if err := sharedlib.Check(path); err != nil {
		return nil, fmt.Errorf("%s cannot be used (%w); run `make setup` for the version this build needs: %w", path, err, errdefs.ErrFailedPrecondition)
	}
	if !d.Host() {
		if err := preload(filepath.Dir(path)); err != nil {
			return nil, err
		}
	}
	c := C.CString(path)
	defer C.free(unsafe.Pointer(c))
	if text := C.ort_load(c); text != nil {
		defer C.free(unsafe.Pointer(text))
		return nil, fmt.Errorf("%s cannot be used (%s); run `make setup` for the version this build needs: %w", path, C.GoString(text), errdefs.ErrFailedPrecondition)
	}
	load.engine = &Engine{version: C.GoString(C.ort_version), uploads: newUploads()}
	load.engine.blocks = map[engine.Kind]func(engine.Device, int64) (block, error){engine.CUDA: openCard}
	go func() { _ = begin() }() // whoever needs it hears what went wrong
	return load.engine, nil
}

// NeededVersion is the oldest version of the library that will do, such as "1.24".
func NeededVersion() string { return fmt.Sprintf("1.%d", C.ORT_API_VERSION) }

// Version names the library.
func (e *Engine) Version() string { return "ONNX Runtime " + e.version }

// Trim returns both heaps, Go's and malloc's, to the operating system.
func (e *Engine) Trim() {
	debug.FreeOSMemory()
	trimHeap()
}

// Open loads a model. On the CPU weights beside it are mapped; to another device they are brought while the library makes the session.
func (e *Engine) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("model file %s is missing; build the bundle again with `videosdgx models build`: %w", path, errdefs.ErrNotFound)
	}
	return e.open(ctx, path, o)
}

// Capability is a GPU's compute capability, 90 for 9.0, as the driver says it; 0 for the CPU and for a GPU that is not there.
func (e *Engine) Capability(d engine.Device) int {
	if d.Host() {
		return 0
	}
	return int(C.ort_capability(C.int(d.Index)))
}

// Usable says why sessions cannot be opened on a device: the library is not built for it, a library that it needs is missing,
// or the driver does not let it in.
func (e *Engine) Usable(d engine.Device) error {
	s, err := newSettings(engine.Options{Device: d})
	if err != nil {
		return err
	}
	s.free()
	return nil
}
