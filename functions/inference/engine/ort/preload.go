package ort

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"path/filepath"
	"unsafe"

	"github.com/containerd/errdefs"
)

// preload opens what NVIDIA's run-time compiler looks for by its bare name while it compiles, where a folder has it. The compiler
// does not look in its own folder: without this, only who has the folder on LD_LIBRARY_PATH could run what cuDNN compiles, such as
// attention. FailedPrecondition when a file is there and cannot be opened.
func preload(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "libnvrtc-builtins.so.*"))
	if err != nil {
		return err
	}
	for _, path := range found {
		if err := open(path); err != nil {
			return fmt.Errorf("%s cannot be used (%w); run `make setup-gpu`: %w", path, err, errdefs.ErrFailedPrecondition)
		}
	}
	return nil
}

// open opens a library by its path, or one that is open already by its name alone.
func open(library string) error {
	c := C.CString(library)
	defer C.free(unsafe.Pointer(c))
	text := C.ort_preload(c)
	if text == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(text))
	return fmt.Errorf("%s", C.GoString(text))
}
