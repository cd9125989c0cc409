package ort

// #cgo CFLAGS: -I${SRCDIR} -fexceptions
// #cgo LDFLAGS: -ldl
// #include "shim.h"
import "C"

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
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
	err := fmt.Errorf("%s: %w", text, class(C.ort_code(s), text))
	if errdefs.IsResourceExhausted(err) {
		return fmt.Errorf("memory is out%s (%w)", asked(text), err)
	}
	return err
}

// sizes are where the library says how many bytes it could not have, and how many were left.
var sizes = []struct{ asked, say string }{
	{`requested buffer of size (\d+)`, "asked for"},
	{`smaller than requested bytes of (\d+)`, "asked for"},
	{`Available memory of (\d+)`, "left"},
}

// asked is the figure of an allocation that failed, in MiB.
func asked(text string) (say string) {
	for _, s := range sizes {
		if m := regexp.MustCompile(s.asked).FindStringSubmatch(text); m != nil {
			n, _ := strconv.ParseInt(m[1], 10, 64) // digits
			say += fmt.Sprintf(", %.0f MiB %s", math.Ceil(float64(n)/(1<<20)), s.say)
		}
	}
	return say
}

// class is the errdefs class of what the library says. Memory that is out has no code of its own there.
func class(code C.OrtErrorCode, text string) error {
	for _, sign := range []string{"Failed to allocate memory", "Available memory of", "bad_alloc", "out of memory", "_ALLOC_FAILED"} {
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
