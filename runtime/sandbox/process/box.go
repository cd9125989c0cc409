package process

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
)

// box is one instance. Its record changes once, at Start.
type box struct {
	driver *Driver
	home   string

	mu      sync.Mutex
	rec     descriptor
	proc    *os.Process // of init; nil while staged
	watch   *watcher    // of a process that is not our child
	removed bool
	exit    instance.Exit
	exited  chan struct{}
}

func newBox(d *Driver, rec descriptor) *box {
	return &box{driver: d, home: filepath.Join(d.opt.Root, rec.ID), rec: rec, exited: make(chan struct{})}
}

// ID gives the instance's id.
func (b *box) ID() string { return b.rec.ID }

// Labels gives what Create was given.
func (b *box) Labels() map[string]string { return b.rec.Labels }

// Exited is closed when no process is left.
func (b *box) Exited() <-chan struct{} { return b.exited }

// Exit is valid after Exited. The code of an adopted instance is -1: only a parent gets to know it.
func (b *box) Exit() instance.Exit {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.exit
}

// Dial connects to init.sock.
func (b *box) Dial(ctx context.Context) (net.Conn, error) {
	conn, err := dialUnix(ctx, filepath.Join(b.rec.Dir, wire.SocketFile))
	if err != nil {
		return nil, fmt.Errorf("instance %s does not listen: %w: %w", b.rec.ID, err, errdefs.ErrUnavailable)
	}
	return conn, nil
}

const maxSocketPath = 107 // of sockaddr_un

// dialUnix goes through the folder's file descriptor when the path is too long for a socket address.
func dialUnix(ctx context.Context, path string) (net.Conn, error) {
	var nd net.Dialer
	if len(path) <= maxSocketPath {
		return nd.DialContext(ctx, "unix", path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return nd.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}

// Usage adds up the instance's processes.
func (b *box) Usage(context.Context) (instance.Usage, error) {
	pid := b.pid()
	if pid == 0 {
		return instance.Usage{}, nil
	}
	return usage(members(pid, b.rec.ID)), nil
}

// Processes are those of the instance.
func (b *box) Processes() ([]int, error) {
	pid := b.pid()
	if pid == 0 {
		return nil, nil
	}
	return members(pid, b.rec.ID), nil
}

func (b *box) pid() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.proc == nil {
		return 0
	}
	return b.rec.PID
}

// Stop ends the instance: SIGTERM, then SIGKILL after grace.
func (b *box) Stop(ctx context.Context, grace time.Duration) error {
	b.mu.Lock()
	p := b.proc
	b.mu.Unlock()
	if p == nil {
		return nil
	}
	p.Signal(unix.SIGTERM)
	p.Signal(unix.SIGCONT) // a frozen one would never hear of it
	if b.gone(ctx, grace) {
		return nil
	}
	p.Kill()
	if !b.gone(context.WithoutCancel(ctx), killWait) {
		return fmt.Errorf("instance %s did not end: %w", b.rec.ID, context.DeadlineExceeded)
	}
	return nil
}

// killWait is how long a killed process may take to disappear; device teardown can be slow.
const killWait = 30 * time.Second

func (b *box) gone(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-b.exited:
		return true
	case <-ctx.Done():
		return false
	case <-t.C:
		return false
	}
}

// Remove kills what runs and deletes the driver's folder and the socket.
func (b *box) Remove(ctx context.Context) error {
	b.mu.Lock()
	p := b.proc
	b.removed = true
	b.mu.Unlock()
	if p != nil {
		p.Kill()
		if !b.gone(ctx, killWait) {
			return fmt.Errorf("instance %s did not end: %w", b.rec.ID, context.DeadlineExceeded)
		}
	}
	if b.rec.Dir != "" {
		os.Remove(filepath.Join(b.rec.Dir, wire.SocketFile))
	}
	if err := os.RemoveAll(b.home); err != nil {
		return fmt.Errorf("remove instance %s: %w", b.rec.ID, err)
	}
	b.driver.drop(b)
	return nil
}
