package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/videosdgx/videosdgx/runtime/gateway/framing"
)

// wires are connections on which the server reads no message that another reader could see in two.
type wires struct {
	net.Listener
	tls       *tls.Config   // nil: in the clear
	handshake time.Duration // that it may take
	log       *slog.Logger
}

// Accept implements net.Listener.
func (l wires) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: c, raw: c, log: l.log}
	if l.tls != nil {
		w.secure = tls.Server(c, l.tls)
		w.Conn, w.handshake = w.secure, l.handshake
	}
	if from, ok := c.(io.ReaderFrom); ok && l.tls == nil {
		return &fileWire{w, from}, nil
	}
	return w, nil
}

// wire is a connection as net/http reads it: decrypted, and up to the first message that is at fault. It speaks TLS itself, since
// net/http would else read what nobody has looked at; HTTP/2, whose frames say where messages end, it passes on.
type wire struct {
	net.Conn
	raw       net.Conn
	secure    *tls.Conn // nil: in the clear
	agreed    *tls.ConnectionState
	handshake time.Duration // that is to come; 0: it was
	frames    bool          // HTTP/2 was agreed on
	watch     framing.Watch
	fault     error       // nil: none yet; a *framing.Fault, or io.EOF
	stuffing  string      // that is read before a fault
	doubted   atomic.Bool // a fault has to be told
	log       *slog.Logger
}

// Read implements net.Conn. net/http answers 400 to the error of a fault.
func (w *wire) Read(p []byte) (int, error) {
	switch {
	case w.stuffing != "":
		n := copy(p, w.stuffing)
		w.stuffing = w.stuffing[n:]
		return n, nil
	case w.fault != nil:
		return 0, w.fault
	case w.handshake > 0:
		if err := w.shake(); err != nil {
			return 0, err
		}
	}
	n, err := w.Conn.Read(p)
	if n == 0 || w.frames {
		return n, err
	}
	if good, bad := w.watch.Pass(p[:n]); bad != nil {
		w.log.Info("a request was refused that cannot be read, or whose end is in doubt, and its connection closed", "from", w.RemoteAddr().String(), "status", bad.Status, "why", bad.Why)
		w.fault = bad
		w.doubted.Store(true)
		if bad.Head {
			w.stuffing = "GET " // so much net/http waits for before it reads a request, and answers
		}
		if good == 0 {
			return w.Read(p)
		}
		return good, nil
	}
	return n, err
}

// received says whether all of the request that is being answered has come already, as that of a small one comes with its head.
// It is for whoever reads the request.
func (k *connection) received() bool {
	if k == nil {
		return false
	}
	w := wireOf(k.Conn)
	return w != nil && !w.frames && w.watch.Between()
}

// shake agrees on keys, while net/http waits for a first request.
func (w *wire) shake() error {
	_ = w.raw.SetWriteDeadline(time.Now().Add(w.handshake)) // net/http has set that for reading
	err := w.secure.HandshakeContext(context.Background())
	if err != nil {
		var clear tls.RecordHeaderError
		if errors.As(err, &clear) && clear.Conn != nil && looksLikeHTTP(clear.RecordHeader) {
			f := &framing.Fault{Status: http.StatusBadRequest, Why: "the client sent an HTTP request to an HTTPS server: ask it with https://"}
			_, _ = clear.Conn.Write(unread(f, problemOf(f))) // it may have gone
		}
		w.raw.Close()
		w.log.Debug("no TLS with a client", "from", w.RemoteAddr().String(), "error", err)
		w.fault = io.EOF // net/http answers nothing to that
		return w.fault
	}
	w.handshake = 0
	state := w.secure.ConnectionState()
	w.agreed, w.frames = &state, state.NegotiatedProtocol == "h2"
	return w.raw.SetWriteDeadline(time.Time{})
}

func looksLikeHTTP(first [5]byte) bool {
	switch string(first[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH":
		return true
	}
	return false
}

// plainRefusal is how net/http answers to a request that it cannot read.
const plainRefusal = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"

// parting is how long a client may take to read why it was refused: an end with bytes unread would take it away.
const parting = 500 * time.Millisecond

// Write implements net.Conn. Who is refused for a fault is told which.
func (w *wire) Write(p []byte) (int, error) {
	var f *framing.Fault
	if !w.doubted.Load() || string(p) != plainRefusal || !errors.As(w.fault, &f) { // a fault may be found while a handler writes
		return w.Conn.Write(p)
	}
	if _, err := w.Conn.Write(unread(f, problemOf(f))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close implements net.Conn. Who is refused for a fault has a moment to read that.
func (w *wire) Close() error {
	if w.doubted.CompareAndSwap(true, false) && w.CloseWrite() == nil && w.raw.SetReadDeadline(time.Now().Add(parting)) == nil {
		_, _ = io.Copy(io.Discard, w.raw) // until it has gone, or that is over
	}
	return w.Conn.Close()
}

// CloseWrite ends what is written, as net/http does before it waits for the other end.
func (w *wire) CloseWrite() error {
	c, ok := w.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return c.CloseWrite()
}

// fileWire is a wire on which files go out by sendfile.
type fileWire struct {
	*wire
	to io.ReaderFrom
}

// ReadFrom implements io.ReaderFrom.
func (w *fileWire) ReadFrom(r io.Reader) (int64, error) { return w.to.ReadFrom(r) }

// wireOf gives the wire under a connection; nil for those of tests.
func wireOf(c net.Conn) *wire {
	switch c := c.(type) {
	case *wire:
		return c
	case *fileWire:
		return c.wire
	}
	return nil
}

// overTLS says in a request what net/http does not know of its connection: that it speaks TLS.
func overTLS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if k := connectionOf(r); k != nil && r.TLS == nil {
			if c := wireOf(k.Conn); c != nil {
				r.TLS = c.agreed
			}
		}
		next.ServeHTTP(w, r)
	})
}

// protocols are those that a server speaks: HTTP/2 where a wire has agreed on it.
func protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}
