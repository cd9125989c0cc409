//go:build cgo && linux

package cuda

// #include "shim.h"
import "C"

import (
	"fmt"
	"runtime"
)

// held is what Hold writes into device memory.
const held = 0x5ec0ded1

// Hold makes this process a CUDA process with bytes of filled memory on the first device, for Trial. check reads the
// memory back and fails when it is not what was written. Both must be called from the same goroutine.
func Hold(path string, bytes int) (check func() error, err error) {
	l, err := Open(path)
	if err != nil {
		return nil, err
	}
	if err := l.init(); err != nil {
		return nil, err
	}
	runtime.LockOSThread() // a context is current to a thread
	var address C.ulonglong
	if err := l.check(C.VD_ALLOC, 0, C.vd_hold(l.c, C.size_t(bytes), held, &address)); err != nil {
		return nil, err
	}
	return func() error { return l.verify(address) }, nil
}

func (l *Library) verify(address C.ulonglong) error {
	var value C.uint
	if err := l.check(C.VD_READ, 0, C.vd_read(l.c, address, &value)); err != nil {
		return err
	}
	if value != held {
		return fmt.Errorf("device memory holds %#x, expected %#x", uint32(value), uint32(held))
	}
	return nil
}
