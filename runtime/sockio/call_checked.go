//go:build race || msan || asan

package sockio

import "syscall"

// The detectors learn from these of what passes between goroutines, and of the memory that the kernel fills.

func read(fd uintptr, p []byte) (int, syscall.Errno)  { return result(syscall.Read(int(fd), p)) }
func write(fd uintptr, p []byte) (int, syscall.Errno) { return result(syscall.Write(int(fd), p)) }

func result(n int, err error) (int, syscall.Errno) {
	errno, _ := err.(syscall.Errno) //nolint:errorlint // as the system call gave it
	return n, errno
}
