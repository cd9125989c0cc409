//go:build cgo && linux

package cuda

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Library is the driver library in this process. It stays loaded: the driver does not unload cleanly.
type Library struct {
	path string
	c    *C.vd_library
	init func() error
}

var _ Phases = (*Library)(nil)

// Open loads the driver library; path "" is libcuda.so.1 wherever the loader finds it. It starts nothing: the first call
// that needs the driver initialises it, which takes 0.1 to 3 s, once. Errors: *AbsentError.
func Open(path string) (*Library, error) {
	if path == "" {
		path = DefaultLibrary
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	runtime.LockOSThread() // the loader keeps its words per thread
	defer runtime.UnlockOSThread()
	var why *C.char
	c := C.vd_open(name, &why)
	if c == nil {
		return nil, &AbsentError{Library: path, Reason: C.GoString(why)}
	}
	l := &Library{path: path, c: c}
	l.init = sync.OnceValue(func() error { return l.check(C.VD_INIT, 0, C.vd_init(c)) })
	return l, nil
}

// Missing are the checkpoint calls that the library lacks.
func (l *Library) Missing() []string {
	var missing []string
	for i := C.VD_LOCK; i <= C.VD_STATE; i++ {
		if l.c.symbol[i] == nil {
			missing = append(missing, C.GoString(C.vd_symbols[i]))
		}
	}
	return missing
}

// Version is the newest CUDA that the driver knows, "13.0".
func (l *Library) Version() (string, error) {
	var v C.int
	err := l.check(C.VD_VERSION, 0, C.vd_version(l.c, &v))
	return fmt.Sprintf("%d.%d", v/1000, v%1000/10), err
}

// Devices are the names of the GPUs. It initialises the driver.
func (l *Library) Devices() ([]string, error) {
	if err := l.init(); err != nil {
		return nil, err
	}
	var n C.int
	if err := l.check(C.VD_COUNT, 0, C.vd_count(l.c, &n)); err != nil {
		return nil, err
	}
	names, buffer := make([]string, n), make([]C.char, 256)
	for i := range names {
		if err := l.check(C.VD_NAME, 0, C.vd_name(l.c, C.int(i), &buffer[0], C.int(len(buffer)))); err != nil {
			return nil, err
		}
		names[i] = C.GoString(&buffer[0])
	}
	return names, nil
}

// Lock keeps the process from starting CUDA work and waits until none is under way.
func (l *Library) Lock(ctx context.Context, pid int) error {
	return l.process(ctx, C.VD_LOCK, pid, func() C.int {
		return C.vd_lock(l.c, C.int(pid), C.uint(lockTimeout(ctx)/time.Millisecond))
	})
}

// Checkpoint copies a locked process's device memory to host memory of that process and lets its devices go.
func (l *Library) Checkpoint(ctx context.Context, pid int) error {
	return l.process(ctx, C.VD_CHECKPOINT, pid, func() C.int { return C.vd_checkpoint(l.c, C.int(pid)) })
}

// Restore takes the devices again and copies the memory back, to the same addresses.
func (l *Library) Restore(ctx context.Context, pid int) error {
	return l.process(ctx, C.VD_RESTORE, pid, func() C.int { return C.vd_restore(l.c, C.int(pid)) })
}

// Unlock lets the process go on.
func (l *Library) Unlock(ctx context.Context, pid int) error {
	return l.process(ctx, C.VD_UNLOCK, pid, func() C.int { return C.vd_unlock(l.c, C.int(pid)) })
}

// State asks the driver where the process stands.
func (l *Library) State(ctx context.Context, pid int) (State, error) {
	var s C.int
	err := l.process(ctx, C.VD_STATE, pid, func() C.int { return C.vd_state(l.c, C.int(pid), &s) })
	return State(s), err
}

func (l *Library) process(ctx context.Context, symbol, pid int, call func() C.int) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := l.init(); err != nil {
		return err
	}
	return l.check(symbol, pid, call())
}

// check turns a result into an error; symbol is an index of the shim's table.
func (l *Library) check(symbol, pid int, r C.int) error {
	call := C.GoString(C.vd_symbols[symbol])
	switch r {
	case 0:
		return nil
	case C.VD_ABSENT:
		return &MissingError{Symbol: call}
	}
	name := C.CString("CUDA_ERROR_UNKNOWN_TO_THE_DRIVER")
	defer C.free(unsafe.Pointer(name))
	known := name
	C.vd_error_name(l.c, r, &known)
	return &Error{Call: call, PID: pid, Result: Result(r), Name: C.GoString(known)}
}
