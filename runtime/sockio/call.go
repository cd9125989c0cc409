//go:build !race && !msan && !asan

package sockio

import (
	"syscall"
	"unsafe"
)

// most is how much one system call moves, in bytes: Linux stops a little below 2 GiB.
const most = 1 << 30

func read(fd uintptr, p []byte) (int, syscall.Errno)  { return call(syscall.SYS_READ, fd, p) }
func write(fd uintptr, p []byte) (int, syscall.Errno) { return call(syscall.SYS_WRITE, fd, p) }

func call(trap, fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(min(len(p), most)))
	return int(n), errno
}
