package containerd

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// socketName is what videosdgx-init listens on in the instance's folder.
const socketName = "init.sock"

// Dial connects to init, and waits for it to listen when it has only just been started.
func (b *box) Dial(ctx context.Context) (net.Conn, error) {
	if !b.isRunning() {
		return nil, fmt.Errorf("instance %s is not running: %w", b.id, errdefs.ErrFailedPrecondition)
	}
	for wait := 200 * time.Microsecond; ; wait = min(wait*2, 2*time.Millisecond) {
		c, err := b.dialOnce(ctx)
		if err == nil || !errdefs.IsUnavailable(err) {
			return c, err
		}
		select {
		case <-time.After(wait):
		case <-b.exited:
			return nil, b.gone()
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

// dialOnce does not trust the socket's name, since it lies in a folder that the instance may write to: a symbolic link to
// some socket of the machine is refused, and what was checked is what is dialled.
func (b *box) dialOnce(ctx context.Context) (net.Conn, error) {
	path := filepath.Join(b.dir, socketName)
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("instance %s does not listen on %s: %w (%w)", b.id, path, err, errdefs.ErrUnavailable)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return nil, fmt.Errorf("instance %s has put something else in place of %s: %w", b.id, path, errdefs.ErrPermissionDenied)
	}
	var dialer net.Dialer
	// by descriptor: also independent of the 107 bytes that a socket's path may have
	c, err := dialer.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return nil, fmt.Errorf("instance %s does not answer on %s: %w (%w)", b.id, path, err, errdefs.ErrUnavailable)
	}
	return c, nil
}
