// Package framing watches the bytes of an HTTP/1 connection for messages whose end two readers may see in different places: what
// one takes for a body another takes for a request of its own (RFC 9112, 2.2, 5.2, 6.1, 6.3 and 7.1). net/http mends some of them
// in silence, and then a proxy in front, or a cache, may have read them otherwise. It also finds heads that net/http would refuse with
// words of its own, so that its caller can answer them. Standard library only.
package framing

import (
	"bytes"
	"net/http"
)

// Watch follows one direction of a connection. The zero Watch expects a request. It is for one goroutine.
type Watch struct {
	state   state
	partial []byte // a line whose end has not come
	body    uint64 // bytes of a body, or a chunk, that are still to come
	told    int    // bytes of chunk extensions in this body
	head    head
	asked   []byte // the request line, as far as it is kept
	posted  bool   // the last request was a POST
	blank   int    // empty lines before this one
	bad     string
	code    int // status of what is bad; 0: 400
}

// head is what the lines of a request so far say of its end.
type head struct {
	old       bool // than HTTP/1.1
	length    bool // Content-Length
	size      uint64
	coded     bool // Transfer-Encoding
	chunked   bool
	host      bool
	needsHost bool
	bytes     int // of its lines
}

type state uint8

const (
	first    state = iota // the request line
	fields                // of the head
	counted               // a body of known length
	size                  // of a chunk
	chunk                 // its bytes
	chunkEnd              // the line end after them
	trailer               // the fields after the last chunk
	done                  // net/http finds the end of this body missing by itself, and closes
)

const (
	maxHead      = 1 << 20       // bytes of a request's lines; net/http has 4 KiB more
	maxLine      = 1<<20 + 8<<10 // in a trailer
	maxChunkLine = 1 << 10       // net/http has 4 KiB, and no word for who sends more
	maxTold      = 16 << 10      // bytes of extensions in a body, of which nothing here reads any
)

// Pass looks at bytes that have come. It gives how many of them may be passed on: all of them, or those before a fault, which bad
// tells. After a fault nothing more may be passed on.
func (w *Watch) Pass(p []byte) (n int, bad *Fault) {
	for n < len(p) && w.bad == "" {
		switch w.state {
		case done:
			return len(p), nil
		case counted, chunk:
			n += w.skip(len(p) - n)
			continue
		}
		at := bytes.IndexByte(p[n:], '\n')
		if at < 0 {
			w.keep(p[n:])
			if w.bad == "" {
				n = len(p)
			}
			break
		}
		line := p[n : n+at+1]
		if len(w.partial) > 0 {
			line = append(w.partial, line...)
			w.partial = nil
		}
		if w.line(line); w.bad == "" {
			n += at + 1
		}
	}
	return n, w.fault()
}

// Between says whether what has been passed ends where a message does.
func (w *Watch) Between() bool { return w.state == first && len(w.partial) == 0 && w.bad == "" }

// skip passes over a body.
func (w *Watch) skip(most int) int {
	n := most
	if w.body < uint64(most) {
		n = int(w.body) //nolint:gosec // it is less than an int
	}
	if w.body -= uint64(n); w.body > 0 { //nolint:gosec // not negative
		return n
	}
	if w.state == counted {
		w.begin()
	} else {
		w.state = chunkEnd
	}
	return n
}

// keep takes the beginning of a line.
func (w *Watch) keep(p []byte) {
	if !w.fits(len(w.partial) + len(p) + 1) { // its end is to come
		return
	}
	if w.partial = append(w.partial, p...); w.state == first {
		w.asked = append(w.asked[:0], w.partial[:min(len(w.partial), maxKept)]...)
	}
}

// fits says whether a line may have n bytes, with its end, so that it is refused in the same words however it is cut.
func (w *Watch) fits(n int) bool {
	switch {
	case w.state == size && n > maxChunkLine+2:
		w.bad = "a chunk's size is a line of more than 1024 bytes"
	case w.state == chunkEnd && n > maxChunkLine+2:
		w.bad = longChunk
	case w.state == trailer && n > maxLine:
		w.state, w.partial = done, nil
	case w.inHead() && w.head.bytes+n > maxHead:
		w.refuse(http.StatusRequestHeaderFieldsTooLarge, "the request's headers, and the line before them, have more than 1 MiB: send less")
	default:
		return true
	}
	return false
}

func (w *Watch) inHead() bool { return w.state == first || w.state == fields }

const longChunk = "a chunk is longer than its size says"

func (w *Watch) begin() { w.state, w.head, w.told = first, head{}, 0 }

// line takes a whole one, with its end.
func (w *Watch) line(b []byte) {
	if !w.fits(len(b)) {
		return
	}
	if len(b) < 2 || b[len(b)-2] != '\r' {
		w.bad = "a line ends with a line feed alone: end each with CR LF"
		return
	}
	if w.inHead() {
		w.head.bytes += len(b)
	}
	b = b[:len(b)-2]
	if bytes.IndexByte(b, '\r') >= 0 || bytes.IndexByte(b, 0) >= 0 {
		w.bad = "a line has a carriage return or a zero within"
		return
	}
	switch w.state {
	case first:
		w.request(b)
	case fields:
		w.field(b)
	case size:
		w.sized(b)
	case chunkEnd:
		if len(b) > 0 {
			w.bad = longChunk
		}
		w.state = size
	case trailer:
		w.trailing(b)
	}
}
