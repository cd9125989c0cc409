package process

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/internal/procfs"
)

// adopt finds the process of a box that another control plane made. Without one, what may be left of it is ended: a
// control plane that was killed between starting a process and recording it leaves an instance that nobody can use.
func (b *box) adopt() {
	if b.rec.PID == 0 {
		if b.rec.Command == nil || len(members(0, b.rec.ID)) > 0 {
			sweep(0, b.rec.ID)
			close(b.exited)
		}
		return
	}
	proc, _ := os.FindProcess(b.rec.PID) // never fails on Unix; it holds the process, not the number
	w, err := watch(b.rec.PID)
	if st, ok := procfs.ReadStat(b.rec.PID); err != nil || !ok || !b.same(st) {
		w.stop()
		b.rec.PID = 0 // the number may be somebody else's by now
		b.ended(-1)
		return
	}
	b.proc, b.watch = proc, w
	go func() {
		if w.wait() {
			b.ended(-1)
		}
	}()
}

func (b *box) same(st procfs.Stat) bool {
	return st.Started == b.rec.Started && b.rec.Boot == bootID() && st.State != "Z"
}

func (b *box) unwatch() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watch.stop()
}

// watcher waits for a process that is not a child, through its pidfd and without a thread of its own.
type watcher struct {
	fd   *os.File
	done sync.Once
}

func watch(pid int) (*watcher, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	return &watcher{fd: os.NewFile(uintptr(fd), "pidfd")}, nil
}

// wait returns true when the process has ended, false after stop.
func (w *watcher) wait() bool {
	raw, err := w.fd.SyscallConn()
	if err != nil {
		return false
	}
	ended := false
	_ = raw.Read(func(fd uintptr) bool { // fails only once the pidfd is closed
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(p, 0)
		ended = err == nil && n > 0
		return ended
	})
	return ended
}

func (w *watcher) stop() {
	if w != nil {
		w.done.Do(func() { w.fd.Close() })
	}
}
