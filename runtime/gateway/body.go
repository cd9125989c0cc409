package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/containerd/errdefs"
)

// slowest is the least number of bytes a second at which a body must arrive, once the server's BodyTimeout is over.
const slowest = 64 << 10

// body sets a read deadline on the connection with the first read and lifts it at the end, so that a client cannot hold
// a handler by sending slowly, and the wait for an answer has no deadline.
type body struct {
	rc       io.ReadCloser
	w        http.ResponseWriter
	patience time.Duration
	size     int64 // -1: unknown
	limit    int64
	expects  bool        // the client waits for 100 Continue before it sends
	conn     *connection // waits while the client has not sent
	armed    bool
	ended    bool // its end was seen
	over     bool // nothing more is to be read: its end was seen, or an error
}

func (b *body) Read(p []byte) (int, error) {
	if b.ended {
		return 0, io.EOF
	}
	if !b.armed && !b.conn.received() {
		b.armed = true
		n := b.size
		if n < 0 {
			n = b.limit
		}
		b.deadline(time.Now().Add(b.patience + time.Duration(n/slowest)*time.Second))
	}
	b.conn.waits()
	n, err := b.rc.Read(p)
	b.conn.works()
	b.over = b.over || err != nil
	if errors.Is(err, io.EOF) {
		b.ended = true
		if b.armed {
			b.deadline(time.Time{})
		}
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		b.w.Header().Set("Connection", "close") // the rest of the body is never read
	}
	return n, err
}

func (b *body) Close() error { return b.rc.Close() }

// linger is how long an answer waits for the rest of a body that its handler did not want: many clients look for an answer
// only when they have sent everything.
const linger = time.Second

// settle is called before the answer's head is written. net/http would read what is left of the body first, for as long as
// the client cares to take; here it is read for a moment, else the connection ends with the answer.
func (b *body) settle(h http.Header) {
	if b.over {
		return
	}
	b.over = true
	patience := linger
	if b.expects {
		patience = 0 // reading would invite the client to send
	}
	b.deadline(time.Now().Add(patience)) // stays when it is missed: net/http has one more look at what is left
	if !b.expects {
		if _, err := io.Copy(io.Discard, b.rc); err == nil {
			b.deadline(time.Time{})
			return
		}
	}
	h.Set("Connection", "close")
}

// deadline is best effort: a recorder in a test has none.
func (b *body) deadline(t time.Time) { http.NewResponseController(b.w).SetReadDeadline(t) }

// ReadBody reads a request's body of at most limit bytes; what names the limit in the error. Who has no more use for a large
// one may give it to FreeBody.
func ReadBody(r *http.Request, limit int64, what string) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(r.ContentLength, limit, what)
	}
	if r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength > 0 {
		b := roomFor(int(r.ContentLength))
		if _, err := io.ReadFull(r.Body, b); err != nil {
			return nil, bodyError(err)
		}
		// One more read sees the end, which lifts the deadline.
		if _, err := r.Body.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) {
			return nil, bodyError(err)
		}
		return b, nil
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, bodyError(err)
	}
	if int64(len(b)) > limit {
		return nil, tooLarge(int64(len(b)), limit, what)
	}
	return b, nil
}

func tooLarge(n, limit int64, what string) error {
	return fmt.Errorf("%s of %d bytes exceeds its limit of %d bytes: %w", what, n, limit, errdefs.ErrOutOfRange)
}
