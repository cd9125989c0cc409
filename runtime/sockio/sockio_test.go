package sockio

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair gives both ends of a connection of this package.
func pair(t *testing.T, network string) (near, far net.Conn) {
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	inner, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	l := Listener(inner)
	defer l.Close()
	raw, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if near = Conn(raw); near == raw {
		t.Fatal("a connection of net's came back as it was")
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func each(t *testing.T, f func(t *testing.T, near, far net.Conn)) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			near, far := pair(t, network)
			f(t, near, far)
		})
	}
}

// TestMoreThanTheSocketHolds writes what fits into no socket buffer, so that both sides wait, in one write and in pieces.
func TestMoreThanTheSocketHolds(t *testing.T) {
	each(t, func(t *testing.T, near, far net.Conn) {
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<19)
		go func() {
			near.Write(sent)
			(&net.Buffers{sent[:9], sent[9:]}).WriteTo(near)
			near.Close()
		}()
		got, err := io.ReadAll(far)
		if err != nil || !bytes.Equal(got, append(bytes.Clone(sent), sent...)) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if n, err := far.Read(nil); n != 0 || err != nil {
			t.Errorf("an empty read: %d, %v", n, err)
		}
	})
}

func TestDeadline(t *testing.T) {
	each(t, func(t *testing.T, near, far net.Conn) {
		far.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := far.Read(make([]byte, 1))
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v", err)
		}
		far.SetReadDeadline(time.Time{})
		near.Write([]byte("x"))
		if n, err := far.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("after the deadline was lifted: %d, %v", n, err)
		}
		near.SetWriteDeadline(time.Now().Add(5 * time.Millisecond))
		if _, err := near.Write(make([]byte, 32<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a write that nobody reads: %v", err)
		}
	})
}

// TestErrors are those that others tell apart: net/http by Op, the client of init.sock by errno.
func TestErrors(t *testing.T) {
	each(t, func(t *testing.T, near, far net.Conn) {
		got := make(chan error, 1)
		go func() { _, err := far.Read(make([]byte, 1)); got <- err }()
		time.AfterFunc(5*time.Millisecond, func() { far.Close() })
		err := <-got
		var op *net.OpError
		if !errors.Is(err, net.ErrClosed) || !errors.As(err, &op) || op.Op != "read" {
			t.Errorf("a read that Close ends: %#v", err)
		}
		for err = nil; err == nil; {
			_, err = near.Write([]byte("x"))
		}
		if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a write to nobody: %v", err)
		}
	})
}

func TestReset(t *testing.T) {
	near, far := pair(t, "unix")
	near.Write([]byte("unread"))
	far.Close()
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v", err)
	}
}

// TestHTTP serves with net/http, which also sends files by itself and watches for clients that leave.
func TestHTTP(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clip")
	if err := os.WriteFile(file, bytes.Repeat([]byte("frame"), 1<<18), 0o600); err != nil {
		t.Fatal(err)
	}
	left := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(left)
	})
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: mux}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(Listener(inner)) }()
	defer func() { s.Close(); <-done }()
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	resp, err := c.Get("http://" + inner.Addr().String() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(b) != strings.Repeat("frame", 1<<18) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if resp, err = c.Get("http://" + inner.Addr().String() + "/wait"); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	<-left
}

// TestWiden: a connection holds more than before, and what has no such buffer is left alone.
func TestWiden(t *testing.T) {
	near, _ := pair(t, "unix")
	holds := func() (n int) {
		raw, err := near.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var serr error
		if err := raw.Control(func(fd uintptr) { n, serr = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF) }); err != nil || serr != nil {
			t.Fatal(err, serr)
		}
		return n
	}
	before := holds()
	if Widen(near); holds() <= before {
		t.Errorf("it holds %d bytes, and held %d", holds(), before)
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	Widen(a)
}

func TestOthersComeBackAsTheyAre(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	defer a.Close()
	if Conn(a) != a {
		t.Error("a pipe was wrapped")
	}
}
