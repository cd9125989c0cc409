package http1

import (
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// Reply answers one request, once, at any time and from any goroutine.
type Reply struct {
	conn   net.Conn
	close  bool
	state  atomic.Int32
	gone   func()
	goneMu sync.Mutex
}

const (
	open int32 = iota
	sent
	gone
)

// errGone tells that the client is no longer there, or has been answered already.
var errGone error = goneError{}

type goneError struct{}

func (goneError) Error() string { return "the client has gone or was answered already" }

// OnGone sets what happens when the client goes away before it was answered; at once, if it has.
func (w *Reply) OnGone(f func()) {
	w.goneMu.Lock()
	w.gone = f
	w.goneMu.Unlock()
	if w.state.Load() == gone {
		f()
	}
}

func (w *Reply) leave() {
	if !w.state.CompareAndSwap(open, gone) {
		return
	}
	w.goneMu.Lock()
	f := w.gone
	w.goneMu.Unlock()
	if f != nil {
		f()
	}
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// Send writes the reply. Header values come from the control plane and must not break lines; those that would are cut.
// A body is always sent with its length. An error means that the client did not get it.
func (w *Reply) Send(status int, h Header, body []byte) error {
	if !w.state.CompareAndSwap(open, sent) {
		return errGone
	}
	p := buffers.Get().(*[]byte)
	defer buffers.Put(p)
	b := appendHead((*p)[:0], status, h, len(body), w.close)
	var err error
	if len(body) <= 32<<10 {
		b = append(b, body...)
		_, err = w.conn.Write(b)
	} else {
		bufs := net.Buffers{b, body}
		_, err = bufs.WriteTo(w.conn)
	}
	*p = b[:0]
	if err != nil {
		w.conn.Close() // wakes the connection's goroutine
	}
	return err
}

// JSON sends a JSON text.
func (w *Reply) JSON(status int, text string) error {
	return w.Send(status, jsonHeader, []byte(text))
}

var jsonHeader = Header{{"Content-Type", "application/json"}}

func appendHead(b []byte, status int, h Header, n int, closing bool) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(append(b, ' '), reason(status)...)
	b = append(b, "\r\n"...)
	for i := range h {
		if h[i].Value == "" {
			continue
		}
		b = append(append(b, h[i].Name...), ": "...)
		b = append(appendValue(b, h[i].Value), "\r\n"...)
	}
	if closing {
		b = append(b, "Connection: close\r\n"...)
	}
	if status != 204 {
		b = strconv.AppendInt(append(b, "Content-Length: "...), int64(n), 10)
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...)
}

// appendValue leaves out what could end a header line.
func appendValue(b []byte, v string) []byte {
	for i := range len(v) {
		if c := v[i]; c >= ' ' && c != 0x7f || c == '\t' {
			b = append(b, c)
		}
	}
	return b
}

var reasons = map[int]string{
	200: "OK", 202: "Accepted", 204: "No Content", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 413: "Content Too Large", 431: "Request Header Fields Too Large",
	500: "Internal Server Error", 501: "Not Implemented", 505: "HTTP Version Not Supported",
}

func reason(status int) string {
	if s, ok := reasons[status]; ok {
		return s
	}
	return "Status"
}
