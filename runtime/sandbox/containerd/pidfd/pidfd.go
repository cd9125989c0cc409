// Package pidfd holds processes that are not our children, so that none is mistaken for a later one with its number.
package pidfd

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Process is a hold on a process that is not our child: it cannot be mistaken for a later one with the same number.
type Process struct {
	PID  int
	file *os.File
	gone chan struct{} // closed when the process has ended
	idle chan struct{} // closed when nobody watches any more
	once sync.Once
}

// Open fails with ESRCH when there is no such process.
func Open(pid int) (*Process, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	p := &Process{PID: pid, file: os.NewFile(uintptr(fd), "pidfd"), gone: make(chan struct{}), idle: make(chan struct{})}
	go p.watch()
	return p, nil
}

// watch waits in the network poller: a thousand instances cost no thread.
func (p *Process) watch() {
	defer close(p.idle)
	raw, err := p.file.SyscallConn()
	if err != nil {
		return
	}
	err = raw.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return err == nil && n == 1
	})
	if err == nil {
		close(p.gone)
		p.Release()
	}
}

// Gone is closed when the process has ended.
func (p *Process) Gone() <-chan struct{} { return p.gone }

// Wait returns when the process has ended, or has been released.
func (p *Process) Wait() { <-p.idle }

// HasGone tells which.
func (p *Process) HasGone() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// Kill sends a signal; a process that has gone is no error.
func (p *Process) Kill(s unix.Signal) error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return nil //nolint:nilerr // released: it has gone
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), s, nil, 0) }); err != nil {
		return nil //nolint:nilerr // released meanwhile
	}
	if errors.Is(sent, unix.ESRCH) {
		return nil
	}
	return sent
}

// Release ends the watch; gone stays open if the process still runs.
func (p *Process) Release() { p.once.Do(func() { _ = p.file.Close() }) }

// Watch returns a channel that is closed when the process ends. The watch lasts as long as the process.
func Watch(pid int) (<-chan struct{}, error) {
	p, err := Open(pid)
	if err != nil {
		return nil, err
	}
	return p.gone, nil
}
