package ort

// #include "shim.h"
import "C"

import (
	"fmt"
	"sync"
)

var begun struct {
	sync.Mutex
	done bool
}

// begin starts the library's environment, which takes six times as long as opening the library and which nothing needs before there
// are settings: LoadFor has it begin in the background, and whoever makes settings waits for it and hears what went wrong. What has
// failed is tried again: memory that was out then may be there by now, and the process need not be thrown away for it.
func begin() error {
	begun.Lock()
	defer begun.Unlock()
	if begun.done {
		return nil
	}
	if err := check(C.ort_begin()); err != nil {
		return fmt.Errorf("ONNX Runtime does not begin: %w", err)
	}
	begun.done = true
	return nil
}
