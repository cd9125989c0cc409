package tensorrt

/*
#include <stdlib.h>
#include "bind.h"
*/
import "C"

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/containerd/errdefs"
)

// why is the text buffer that every call of the shim fills in when it fails.
type why [1024]C.char

func (w *why) at() (*C.char, C.size_t) { return &w[0], C.size_t(len(w)) }

func (w *why) text() string { return C.GoString(&w[0]) }

// err is the error of a status: nil, or an errdefs class with the shim's sentence and what was being done.
func (w *why) err(s C.vdx_trt_status, doing string) error {
	if s == C.VDX_TRT_OK {
		return nil
	}
	return fmt.Errorf("%s: %s: %w", doing, w.text(), class(int(s)))
}

func class(status int) error {
	switch status {
	case C.VDX_TRT_INVALID:
		return errdefs.ErrInvalidArgument
	case C.VDX_TRT_UNAVAILABLE:
		return errdefs.ErrFailedPrecondition
	case C.VDX_TRT_CANCELLED:
		return context.Canceled
	case C.VDX_TRT_NO_MEMORY:
		return errdefs.ErrResourceExhausted
	}
	return errdefs.ErrInternal
}

// cstring is s as C wants it, until free is called.
func cstring(s string) (c *C.char, free func()) {
	c = C.CString(s)
	return c, func() { C.free(unsafe.Pointer(c)) }
}
