package tensorrt

/*
#include <stdlib.h>
#include "bind.h"
*/
import "C"

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// Inspect tells what the plan at path is made of, as TensorRT's JSON: layers, their shapes and precisions. TensorRT needs the
// plan's device for it. A damaged plan is InvalidArgument.
func (l *Library) Inspect(path string) (string, error) {
	f, err := openRegular(path)
	if errdefs.IsDataLoss(err) {
		err = fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	if err != nil {
		return "", fmt.Errorf("open plan: %w", err)
	}
	defer f.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	var json *C.char
	var w why
	text, size := w.at()
	if err := w.err(C.bind_inspect(l.shim, l.lib, C.int(f.Fd()), &json, text, size), "inspect "+path); err != nil {
		return "", err
	}
	defer C.bind_text_free(l.shim, json)
	return C.GoString(json), nil
}
