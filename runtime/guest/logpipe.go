package guest

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// logpipe carries what the function writes to stdout and stderr: one pipe for both keeps their order. Whole lines go to
// the journal, everything to the tail.
type logpipe struct {
	tail
	journal
	r, w *os.File
	raw  syscall.RawConn
	busy atomic.Bool   // bytes have been taken from the pipe and are not in the tail yet
	past atomic.Int64  // bytes that were taken from the pipe and are in the tail
	done chan struct{} // every writer has closed its end
}

func newLogpipe(out io.Writer) (*logpipe, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	raw, err := r.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &logpipe{r: r, w: w, raw: raw, journal: journal{out: out}, done: make(chan struct{})}, nil
}

// portion is the most that is taken from the pipe at a time.
const portion = 16 << 10

// settling is how long settle waits at most where a call depends on it. Only a machine that has no time for the pump, or a disk that
// takes nothing, comes to it: then somebody's lines are told as another's, or to nobody.
const settling = 250 * time.Millisecond

// pump runs until no process holds the writing end.
func (l *logpipe) pump() {
	defer close(l.done)
	buf := make([]byte, portion)
	for {
		n, err := l.read(buf)
		l.tail.write(buf[:n])
		l.journal.write(buf[:n])
		l.past.Add(int64(n))
		l.busy.Store(false)
		if err != nil {
			l.flush()
			return
		}
	}
}

// read is one read(2) that marks the pipe busy before it takes anything, so that settle cannot miss it.
func (l *logpipe) read(buf []byte) (n int, err error) {
	rerr := l.raw.Read(func(fd uintptr) bool {
		l.busy.Store(true)
		for {
			if n, err = syscall.Read(int(fd), buf); !errors.Is(err, syscall.EINTR) {
				break
			}
		}
		if errors.Is(err, syscall.EAGAIN) {
			l.busy.Store(false)
			return false
		}
		return true
	})
	n = max(n, 0)
	if err == nil && (rerr != nil || n == 0) {
		err = io.EOF
	}
	return n, err
}

// settle waits until everything written so far is in the tail, at most d. It does not wait for more, which a function may write all
// the time.
func (l *logpipe) settle(d time.Duration) {
	enough := int64(-1)
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(50 * time.Microsecond) {
		select {
		case <-l.done:
			return
		default:
		}
		n := l.waiting()
		if n == 0 && !l.busy.Load() {
			return
		}
		past := l.past.Load()
		if enough < 0 {
			enough = past + int64(n) + portion // what lies in the pipe, and what may be on its way out of it
		}
		if past >= enough {
			return
		}
	}
}

// waiting is the number of bytes in the pipe. Each call asks: as in sockio, Go's monitor thread is not woken for it, which would
// take as long as all else that init does for a call.
func (l *logpipe) waiting() (n int32) {
	l.raw.Control(func(fd uintptr) {
		const fionread = 0x541B
		_, _, _ = syscall.RawSyscall(syscall.SYS_IOCTL, fd, fionread, uintptr(unsafe.Pointer(&n))) // never fails on a pipe
	})
	return n
}

// finish waits until every writer has gone, at most d.
func (l *logpipe) finish(d time.Duration) {
	select {
	case <-l.done:
	case <-time.After(d):
		l.settle(max(d, settling))
	}
}
