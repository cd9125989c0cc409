package ort

// #cgo CFLAGS: -I${SRCDIR}
// #cgo LDFLAGS: -ldl
// #include "shim.h"
import "C"

import (
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
)

// check makes an error of a status, and frees it.
func check(s *C.OrtStatus) error {
	if s == nil {
		return nil
	}
	defer C.ort_status_free(s)
	text := C.GoString(C.ort_message(s))
	return fmt.Errorf("%s: %w", text, class(C.ort_code(s), text))
}

// class is the errdefs class of what the library says. Memory that is out has no code of its own there.
func class(code C.OrtErrorCode, text string) error {
	for _, sign := range []string{"Failed to allocate memory", "bad_alloc", "out of memory"} {
		if strings.Contains(text, sign) {
			return errdefs.ErrResourceExhausted
		}
	}
	switch code {
	case C.ORT_INVALID_ARGUMENT, C.ORT_INVALID_GRAPH, C.ORT_INVALID_PROTOBUF:
		return errdefs.ErrInvalidArgument
	case C.ORT_NO_SUCHFILE:
		return errdefs.ErrNotFound
	case C.ORT_NOT_IMPLEMENTED:
		return errdefs.ErrNotImplemented
	}
	return errdefs.ErrInternal
}
