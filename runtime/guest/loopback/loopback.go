// Package loopback brings up the loopback interface of another process's network namespace. The containerd driver does it
// for an instance it has staged; in a restore it must happen between CRIU's making the namespace and its reconnecting the
// sockets in it, so there videosdgx-init does it as an OCI hook. Standard library only.
package loopback

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// Hook is the argument by which videosdgx-init becomes an OCI createRuntime hook.
const Hook = "loopback-hook"

// RunHook reads the container's state as the OCI runtime specification has it, and returns an exit status.
func RunHook(state io.Reader) int {
	var s struct {
		Pid int `json:"pid"`
	}
	err := json.NewDecoder(state).Decode(&s)
	if err == nil {
		err = Up(s.Pid)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "videosdgx-init:", err)
		return 1
	}
	return 0
}

// Up returns when 127.0.0.1 works in the namespace of the process.
func Up(pid int) error {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	defer ns.Close()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: a thread in another namespace must not be used again
		done <- enterAndUp(ns.Fd())
	}()
	if err := <-done; err != nil {
		return fmt.Errorf("loopback of process %d: %w", pid, err)
	}
	return nil
}

func enterAndUp(ns uintptr) error {
	if _, _, e := syscall.RawSyscall(sysSetns, ns, syscall.CLONE_NEWNET, 0); e != 0 {
		return os.NewSyscallError("setns", e)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer syscall.Close(fd)
	// struct ifreq: 16 bytes of name, then 16 bits of flags, 40 bytes in all
	req := struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}{name: [16]byte{'l', 'o'}, flags: syscall.IFF_UP | syscall.IFF_LOOPBACK | syscall.IFF_RUNNING}
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&req))); e != 0 {
		return os.NewSyscallError("SIOCSIFFLAGS", e)
	}
	return nil
}
