package sockio

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// Conn gives c with reads and writes of this package: a *net.TCPConn or *net.UnixConn. Any other comes back as it is.
func Conn(c net.Conn) net.Conn {
	switch c := c.(type) {
	case *net.TCPConn:
		if s := newSocket(c); s != nil {
			return &tcpConn{TCPConn: c, socket: s}
		}
	case *net.UnixConn:
		if s := newSocket(c); s != nil {
			return &unixConn{UnixConn: c, socket: s}
		}
	}
	return c
}

// wide is how much a connection may hold that its reader has not taken, in bytes.
const wide = 1 << 20

// Widen prepares a connection within this machine for much that goes out at once: its writer then waits for the reader less
// often than by the system's default of 208 KiB. Where the system grants less there is less.
func Widen(c net.Conn) {
	if w, ok := c.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = w.SetWriteBuffer(wide) // a wish
	}
}

// tcpConn keeps what else a TCP connection can do, such as sendfile.
type tcpConn struct {
	*net.TCPConn
	socket *socket
}

func (c *tcpConn) Read(p []byte) (int, error)  { return c.socket.read(p) }
func (c *tcpConn) Write(p []byte) (int, error) { return c.socket.write(p) }

type unixConn struct {
	*net.UnixConn
	socket *socket
}

func (c *unixConn) Read(p []byte) (int, error)  { return c.socket.read(p) }
func (c *unixConn) Write(p []byte) (int, error) { return c.socket.write(p) }

// socket is a non-blocking descriptor that net looks after: deadlines, Close and waiting are net's.
type socket struct {
	conn    net.Conn
	raw     syscall.RawConn
	in, out half
}

// half is one direction; its step is made once, since a closure for every call would be garbage.
type half struct {
	mu    sync.Mutex
	call  func(fd uintptr, p []byte) (int, syscall.Errno)
	p     []byte
	n     int
	errno syscall.Errno
	step  func(fd uintptr) bool
}

func newSocket(c interface {
	net.Conn
	syscall.Conn
}) *socket {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{conn: c, raw: raw, in: half{call: read}, out: half{call: write}}
	s.in.step, s.out.step = s.in.once, s.out.once
	return s
}

// once tries the system call; false when the socket has to be waited for.
func (h *half) once(fd uintptr) bool {
	for {
		n, errno := h.call(fd, h.p)
		switch errno {
		case 0:
			h.n, h.errno = n, 0
			return true
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			h.n, h.errno = 0, errno
			return true
		}
	}
}

func (s *socket) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.in.p = p
	err := s.raw.Read(s.in.step)
	s.in.p = nil
	if err := s.wrap("read", err, s.in.errno); err != nil {
		return 0, err
	}
	if s.in.n == 0 {
		return 0, io.EOF
	}
	return s.in.n, nil
}

func (s *socket) write(p []byte) (n int, err error) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	for len(p) > 0 {
		s.out.p = p
		err := s.raw.Write(s.out.step)
		s.out.p = nil
		if err := s.wrap("write", err, s.out.errno); err != nil {
			return n, err
		}
		n, p = n+s.out.n, p[s.out.n:]
	}
	return n, nil
}

// wrap gives errors the form that net gives them, which net/http and others look into.
func (s *socket) wrap(op string, err error, errno syscall.Errno) error {
	if err == nil && errno == 0 {
		return nil
	}
	var known *net.OpError
	if errors.As(err, &known) {
		err = known.Err
	}
	if err == nil {
		err = os.NewSyscallError(op, errno)
	}
	local := s.conn.LocalAddr()
	return &net.OpError{Op: op, Net: local.Network(), Source: local, Addr: s.conn.RemoteAddr(), Err: err}
}
