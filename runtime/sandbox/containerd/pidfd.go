package containerd

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// process is a hold on a process that is not our child: it cannot be mistaken for a later one with the same number.
type process struct {
	pid  int
	file *os.File
	gone chan struct{} // closed when the process has ended
	idle chan struct{} // closed when nobody watches any more
	once sync.Once
}

// openProcess fails with ESRCH when there is no such process.
func openProcess(pid int) (*process, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	p := &process{pid: pid, file: os.NewFile(uintptr(fd), "pidfd"), gone: make(chan struct{}), idle: make(chan struct{})}
	go p.watch()
	return p, nil
}

// watch waits in the network poller: a thousand instances cost no thread.
func (p *process) watch() {
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
		p.release()
	}
}

// wait returns when the process has ended, or has been released.
func (p *process) wait() { <-p.idle }

// hasGone tells which.
func (p *process) hasGone() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// kill sends a signal; a process that has gone is no error.
func (p *process) kill(s unix.Signal) error {
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

// release ends the watch; gone stays open if the process still runs.
func (p *process) release() { p.once.Do(func() { _ = p.file.Close() }) }

// watchPid returns a channel that is closed when the process ends. The watch lasts as long as the process.
func watchPid(pid int) (<-chan struct{}, error) {
	p, err := openProcess(pid)
	if err != nil {
		return nil, err
	}
	return p.gone, nil
}
