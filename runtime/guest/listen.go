package guest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// maxSocketPath is what sockaddr_un holds, less the final zero.
const maxSocketPath = 107

// listen opens both doors: the Runtime API for the function, init.sock for the control plane.
func (g *guest) listen(dir string) (err error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // CRIU refuses MPTCP sockets
	if g.apiLn, err = lc.Listen(context.Background(), "tcp", g.cfg.RuntimeAPI); err != nil {
		return fmt.Errorf("runtime API: %w", err)
	}
	if g.control, err = listenUnix(filepath.Join(dir, wire.SocketFile)); err == nil {
		err = os.Chmod(filepath.Join(dir, wire.SocketFile), 0o600)
	}
	if err != nil {
		g.apiLn.Close()
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

// listenUnix goes through the folder's file descriptor when the path is too long for a socket address.
func listenUnix(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	if len(path) <= maxSocketPath {
		return net.Listen("unix", path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return net.Listen("unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}
