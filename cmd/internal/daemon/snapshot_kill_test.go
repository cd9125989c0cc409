package daemon

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// sentry is asked by the kernel about every file that is opened on the snapshots' file system, and whoever opens one waits
// for the answer: that makes the opening of an image a point at which CRIU can be stopped exactly.
type sentry struct {
	t    *testing.T
	asks *os.File

	mu     sync.Mutex
	image  string      // pattern of a file's name; "": nobody is to be killed
	killed chan string // gets the image at which it was done
}

// stand guards dir, which must be a file system of its own.
func stand(t *testing.T, dir string) *sentry {
	t.Helper()
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK, unix.O_RDONLY|unix.O_CLOEXEC)
	must(t, err)
	s := &sentry{t: t, asks: os.NewFile(uintptr(fd), "fanotify")}
	must(t, unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_FILESYSTEM, unix.FAN_OPEN_PERM, unix.AT_FDCWD, dir))
	watched := make(chan struct{})
	go func() { defer close(watched); s.watch(fd) }()
	t.Cleanup(func() { must(t, s.asks.Close()); <-watched })
	return s
}

// killAt has the next CRIU killed that opens an image of that name.
func (s *sentry) killAt(image string) <-chan string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.image, s.killed = image, make(chan string, 1)
	return s.killed
}

func (s *sentry) watch(fd int) {
	b := make([]byte, 64<<10)
	for {
		n, err := s.asks.Read(b)
		if err != nil {
			if !errors.Is(err, os.ErrClosed) {
				s.t.Error(err)
			}
			return
		}
		for r := bytes.NewReader(b[:n]); r.Len() > 0; {
			var e unix.FanotifyEventMetadata
			if err := binary.Read(r, binary.NativeEndian, &e); err != nil {
				s.t.Error(err)
				return
			}
			s.judge(int(e.Pid), int(e.Fd))
			answer, _ := binary.Append(nil, binary.NativeEndian, unix.FanotifyResponse{Fd: e.Fd, Response: unix.FAN_ALLOW})
			if _, err := unix.Write(fd, answer); err != nil && !errors.Is(err, unix.ENOENT) { // nobody waits any more: it is dead
				s.t.Error(err)
			}
			_ = unix.Close(int(e.Fd))
		}
	}
}

// judge kills the CRIU for which a process opens a file, when it is the one to do so at, and waits until it is dead.
func (s *sentry) judge(opener, fd int) {
	path, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	s.mu.Lock()
	defer s.mu.Unlock()
	if hit, _ := filepath.Match(s.image, filepath.Base(path)); !hit {
		return
	}
	criu := criuOf(opener)
	if criu == 0 {
		return // the catalogue reads it
	}
	if err := killNow(criu); err != nil {
		s.t.Errorf("kill CRIU %d: %v", criu, err)
	}
	s.image = ""
	s.killed <- filepath.Base(path)
}

// criuOf is the CRIU that a process belongs to: the one that the OCI runtime runs in this test's own pid namespace. The
// processes that it restores are called criu as well, and are children of the runtime like it, or of one another.
func criuOf(pid int) int {
	for ; pid > 1; pid = parentOf(pid) {
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parentOf(pid)))
		for _, list := range lists {
			text, _ := os.ReadFile(list)
			for _, child := range strings.Fields(string(text)) {
				if isCRIU(child) {
					c, _ := strconv.Atoi(child)
					return c
				}
			}
		}
	}
	return 0
}

func isCRIU(pid string) bool {
	name, _ := os.ReadFile("/proc/" + pid + "/comm")
	theirs, _ := os.Readlink("/proc/" + pid + "/ns/pid")
	ours, _ := os.Readlink("/proc/self/ns/pid")
	return string(name) == "criu\n" && theirs == ours
}

func parentOf(pid int) int {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	if fields := strings.Fields(rest); len(fields) > 1 {
		parent, _ := strconv.Atoi(fields[1])
		return parent
	}
	return 0
}

func killNow(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil {
		return err
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000)
		if n == 1 {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("it does not die: %w", errors.Join(err, unix.ETIMEDOUT))
		}
	}
}
