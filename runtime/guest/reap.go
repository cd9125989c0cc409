package guest

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/videosdgx/videosdgx/internal/procfs"
)

const prSetChildSubreaper = 36

// becomeReaper makes orphans of the function ours where we are not PID 1.
func becomeReaper() {
	if os.Getpid() != 1 {
		_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0) // never fails since Linux 3.4
	}
}

// reap collects every child that ends, for good, and says when the main one did.
func reap(c *child, chld <-chan os.Signal) {
	for {
		for {
			var ws syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
			if err == syscall.EINTR { //nolint:errorlint // an errno
				continue
			}
			if pid <= 0 {
				break
			}
			if pid == c.pid {
				c.status = ws
				close(c.exited)
			}
		}
		<-chld
	}
}

// notifyChild must come before the first child starts.
func notifyChild() <-chan os.Signal {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGCHLD)
	return ch
}

// forwarded are the signals that init passes on; SIGTERM ends the instance.
var forwarded = []os.Signal{
	syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH,
}

func (g *guest) forward() {
	for s := range g.signals {
		if s == syscall.SIGTERM || s == syscall.SIGINT {
			g.stopping.Store(true)
			g.farewell(leaving)
		}
		if n, ok := s.(syscall.Signal); ok {
			g.child.signal(n)
		}
	}
}

// killRest ends what the function has left behind, which is our children by now; a few rounds, since each death may hand
// us grandchildren.
func killRest() {
	if os.Getpid() == 1 {
		syscall.Kill(-1, syscall.SIGKILL)
		return
	}
	for range 20 {
		left := children(os.Getpid())
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(time.Millisecond)
	}
}

// children lists the live processes whose parent is pid.
func children(pid int) (list []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if s, ok := procfs.ReadStat(n); ok && s.Parent == pid && s.State != "Z" {
			list = append(list, n)
		}
	}
	return list
}
