package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// noSocket is the setting that asks for none.
const noSocket = "none"

// maxSocketPath is what the address of a unix socket holds, less the final zero.
const maxSocketPath = 107

// openSocket serves the API on a unix socket that this user and its group may use: who may is a matter of file permissions
// there. A path that is too long for a socket costs the socket, not the start.
func (p *plane) openSocket(ctx context.Context) error {
	path := p.cfg.Socket
	if path == noSocket {
		return nil
	}
	if len(path) > maxSocketPath-len("/.sock-0123456789/s") {
		p.log.Warn("no unix socket: its path is too long; choose another with --socket", "path", path)
		return nil
	}
	l, err := listenUnix(ctx, path)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another with --socket, or none", path, err)
	}
	p.socket = path
	go func() {
		if err := p.server.Serve(l); err != nil {
			p.failed <- err
		}
	}()
	return nil
}

func (p *plane) closeSocket() error {
	if p.socket == "" {
		return nil
	}
	if err := os.Remove(p.socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// listenUnix makes a socket of mode 0660. It is born in a folder of this user's own, so that at no moment others may connect,
// and takes the place of one that nobody listens on.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if err := vacant(ctx, path); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".sock-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	born := filepath.Join(dir, "s")
	l, err := new(net.ListenConfig).Listen(ctx, "unix", born)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // it has moved by then
	if err := errors.Join(os.Chmod(born, 0o660), os.Rename(born, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// vacant says why a path cannot be taken: something that is no socket lies there, or somebody listens.
func vacant(ctx context.Context, path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != fs.ModeSocket {
		return errors.New("something else is there")
	}
	c, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil //nolint:nilerr // nobody listens: it is left over
	}
	c.Close()
	return errors.New("another server listens there")
}
