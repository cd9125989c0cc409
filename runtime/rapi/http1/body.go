package http1

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Body is a request's body: of known length, or chunked with optional trailers. Trailer is valid after io.EOF.
type Body struct {
	Length  int64 // -1: chunked, not known before the end
	Trailer Header

	br      *bufio.Reader
	conn    net.Conn
	left    int64 // of the body, or of the current chunk
	inChunk bool  // a chunk's CRLF is still to come
	expects bool  // the client waits for 100 Continue
	err     error
}

func newBody(br *bufio.Reader, h Header) (*Body, error) {
	b := &Body{br: br, expects: h.hasToken("Expect", "100-continue")}
	n, err := contentLength(h)
	if err != nil {
		return nil, err
	}
	te := strings.Join(h.all("Transfer-Encoding"), ", ")
	switch {
	case te == "":
		b.Length = max(n, 0)
		b.left = b.Length
		if b.left == 0 {
			b.err = io.EOF
		}
	case !strings.EqualFold(te, "chunked"):
		return nil, &badRequest{501, "unsupported Transfer-Encoding " + shorten(te)}
	case n >= 0:
		return nil, bad("both Content-Length and Transfer-Encoding")
	default:
		b.Length = -1
	}
	return b, nil
}

// Read gives what has arrived; it returns io.EOF together with the last bytes when the end is already known.
func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if err := b.greet(); err != nil {
		return 0, b.fail(err)
	}
	if b.left == 0 {
		if err := b.nextChunk(); err != nil {
			return 0, b.fail(err)
		}
	}
	n, err := b.br.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil {
		return n, b.fail(err)
	}
	if b.left == 0 {
		err = b.settle()
	}
	return n, err
}

// Wait waits until more of the body is there, at most d; false when d passed.
func (b *Body) Wait(d time.Duration) bool {
	if b.err != nil || b.br.Buffered() > 0 || b.conn == nil {
		return true
	}
	b.conn.SetReadDeadline(time.Now().Add(d))
	_, err := b.br.Peek(1)
	b.conn.SetReadDeadline(time.Time{})
	ne, ok := err.(net.Error) //nolint:errorlint // as the connection made it
	return !ok || !ne.Timeout()
}

// Drain reads and drops at most limit bytes; false when the end did not come.
func (b *Body) Drain(limit int64) bool {
	if b.err == nil && b.expects {
		return false // the client has not sent it and never will be told to
	}
	buf := make([]byte, 0)
	for b.err == nil && limit >= 0 {
		if len(buf) == 0 {
			buf = make([]byte, 1<<10)
		}
		n, _ := b.Read(buf)
		limit -= int64(n)
	}
	return b.err == io.EOF //nolint:errorlint // set bare
}

// greet sends 100 Continue before the first byte is read.
func (b *Body) greet() error {
	if !b.expects || b.conn == nil {
		return nil
	}
	b.expects = false
	_, err := io.WriteString(b.conn, "HTTP/1.1 100 Continue\r\n\r\n")
	return err
}

// settle ends a body of known length, and reads on past a chunk's end as far as that needs no waiting.
func (b *Body) settle() error {
	if b.Length >= 0 {
		b.err = io.EOF
		return io.EOF
	}
	for b.left == 0 {
		ahead, _ := b.br.Peek(b.br.Buffered())
		if b.inChunk && bytes.HasPrefix(ahead, crlf) {
			b.br.Discard(len(crlf))
			ahead, b.inChunk = ahead[len(crlf):], false
		}
		if b.inChunk || bytes.IndexByte(ahead, '\n') < 0 {
			return nil
		}
		if err := b.nextChunk(); err != nil {
			return b.fail(err)
		}
	}
	return nil
}

var crlf = []byte("\r\n")

// nextChunk reads a chunk's size line, and the trailers after the last one, which it answers with io.EOF.
func (b *Body) nextChunk() error {
	budget := 4 << 10
	if b.inChunk {
		if line, err := readStrict(b.br, &budget); err != nil || len(line) > 0 {
			return orBad(err, "a chunk is longer than it said")
		}
		b.inChunk = false
	}
	line, err := readStrict(b.br, &budget)
	if err != nil {
		return noEOF(err)
	}
	size, _, _ := strings.Cut(string(line), ";")
	n, err := strconv.ParseUint(strings.TrimRight(size, " \t"), 16, 62)
	if err != nil {
		return bad("bad chunk size %q", shorten(size))
	}
	if n > 0 {
		b.left, b.inChunk = int64(n), true
		return nil
	}
	budget = maxHead
	if b.Trailer, err = readFields(b.br, &budget, readStrict); err != nil {
		return noEOF(err)
	}
	return io.EOF
}

func (b *Body) fail(err error) error {
	if err != io.EOF || b.left > 0 { //nolint:errorlint // set bare
		err = noEOF(err)
	}
	b.err = err
	return err
}

func orBad(err error, why string) error {
	if err != nil {
		return noEOF(err)
	}
	return bad("%s", why)
}
