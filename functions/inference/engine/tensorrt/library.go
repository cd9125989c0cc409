package tensorrt

/*
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "bind.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/sharedlib"
)

// Library is a TensorRT that was opened through the shim of its headers. Its methods may be called from several goroutines.
type Library struct {
	Install
	Headers string // what the shim was compiled for, such as "TensorRT-RTX 1.6"
	Version [3]int

	mu   sync.Mutex // TensorRT's log is one for the library: what a failure says belongs to the call that holds this
	shim *C.bind_shim
	lib  *C.vdx_trt_lib
}

// Load opens the TensorRT of an install. Errors are FailedPrecondition, with the sentence that names the file and what would do.
func Load(at Install) (*Library, error) {
	for _, f := range [][2]string{{at.Shim, shimRemedy(at.Shim)}, {at.Library, Another()}, {at.Parser, Another()}} {
		if !filepath.IsAbs(f[0]) {
			continue // the system's loader finds it, or says that it does not
		}
		if err := sharedlib.Check(f[0]); err != nil {
			if f[0] == at.Shim && !errors.Is(err, fs.ErrNotExist) {
				f[1] = "remove it, and " + f[1] // make takes it for one that is built
			}
			return nil, fmt.Errorf("%s cannot be used (%w); %s: %w", f[0], err, f[1], errdefs.ErrFailedPrecondition)
		}
	}
	shim, err := bind(at.Shim)
	if err != nil {
		return nil, err
	}
	l := &Library{Install: at, shim: shim, Headers: C.GoString(C.bind_headers(shim))}
	lib, freeLib := cstring(at.Library)
	defer freeLib()
	parser, freeParser := cstring(at.Parser)
	defer freeParser()
	var w why
	text, size := w.at()
	if status := C.bind_open(shim, lib, parser, &l.lib, text, size); status != C.VDX_TRT_OK {
		return nil, fmt.Errorf("open TensorRT: %s; install one that fits, or %s for TensorRT-RTX: %w", w.text(), Another(), class(int(status)))
	}
	var v [3]C.int32_t
	C.bind_version(shim, l.lib, &v[0])
	l.Version = [3]int{int(v[0]), int(v[1]), int(v[2])}
	return l, nil
}

// shims holds every shim that was opened, by path: they stay for the life of the process.
var shims struct {
	sync.Mutex
	open map[string]*C.bind_shim
}

func bind(path string) (*C.bind_shim, error) {
	shims.Lock()
	defer shims.Unlock()
	if s := shims.open[path]; s != nil {
		return s, nil
	}
	s := (*C.bind_shim)(C.calloc(1, C.sizeof_bind_shim))
	c, free := cstring(path)
	defer free()
	var w why
	text, size := w.at()
	if C.bind_library(c, s, text, size) != 0 {
		return nil, fmt.Errorf("cannot use the shim %s (%s); %s: %w", path, C.GoString(text), shimRemedy(path), errdefs.ErrFailedPrecondition)
	}
	if shims.open == nil {
		shims.open = map[string]*C.bind_shim{}
	}
	shims.open[path] = s
	return s, nil
}

// Name is such as "TensorRT-RTX 1.6.1".
func (l *Library) Name() string {
	return fmt.Sprintf("%s %d.%d.%d", l.Family, l.Version[0], l.Version[1], l.Version[2])
}

// major tells the forms of graphs apart: RTX, which counts from 1, takes that of 11.
func (l *Library) major() int {
	if l.Family == RTX {
		return 11
	}
	return l.Version[0]
}

// Close closes the library. Plans must have been closed before; it may be called twice.
func (l *Library) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lib != nil {
		C.bind_close(l.shim, l.lib)
		l.lib = nil
	}
}
