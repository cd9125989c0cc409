package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spool"
)

// Stall is how long a reader may leave a piece of an answer unread before it is cut off: what it holds others may want.
const Stall = 30 * time.Second

// AheadMost is how far a streamed answer may be ahead of its reader, in bytes: a function is free when it has sent all, if
// that is no more than this.
const AheadMost = 64 << 20

// pieceSize is how much of an answer is written at once, in bytes; headRoom is what net/http holds before it writes.
const (
	pieceSize = 32 << 10
	headRoom  = 2 << 10
)

var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// Send passes src on to its end. Each piece must be taken within stall. flush sends each as it comes. An error is src's, or
// says that the client has gone.
func Send(w http.ResponseWriter, src io.Reader, stall time.Duration, flush bool) error {
	s := sending{w: w, rc: http.NewResponseController(w), stall: stall, flush: flush}
	if whole, ok := src.(io.WriterTo); ok { // from where it lies
		if _, err := whole.WriteTo(&s); err != nil {
			return err
		}
		return s.settle()
	}
	p := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(p)
	for {
		n, err := src.Read(p[:])
		if n > 0 {
			if werr := s.write(p[:n]); werr != nil {
				return werr
			}
		}
		if errors.Is(err, io.EOF) {
			return s.settle()
		}
		if err != nil {
			return err
		}
	}
}

type sending struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	stall time.Duration
	flush bool
	sent  int
	armed bool
}

// Write implements io.Writer, in pieces.
func (s *sending) Write(p []byte) (n int, err error) {
	for piece := range slices.Chunk(p, pieceSize) {
		if err := s.write(piece); err != nil {
			return n, err
		}
		n += len(piece)
	}
	return n, nil
}

func (s *sending) write(p []byte) error {
	if s.sent += len(p); s.flush || s.sent > headRoom {
		s.armed = s.rc.SetWriteDeadline(time.Now().Add(s.stall)) == nil // a recorder in a test has none
	}
	if _, err := s.w.Write(p); err != nil {
		return err
	}
	if s.flush {
		return s.rc.Flush()
	}
	return nil
}

// settle writes what net/http still holds, and lifts the deadline for the connection's next request.
func (s *sending) settle() error {
	if !s.armed {
		return nil
	}
	if err := s.rc.Flush(); err != nil {
		return err
	}
	return s.rc.SetWriteDeadline(time.Time{})
}

// Ahead is a streamed answer that is read as fast as the function gives it, however slow its own reader is. Close says that
// nobody reads any more; Wait waits until the function has let go of it, and the result's trailer is there.
type Ahead struct {
	*spool.Pipe
	done chan struct{}
}

// RunAhead reads body, which is res.Body or what is left of it, and closes res.Body. When the reader has left, finish says
// whether the function may still finish its answer; else it is cancelled.
func RunAhead(s *spool.Spool, res *spec.Result, body io.Reader, finish bool) *Ahead {
	a := &Ahead{s.Pipe(AheadMost), make(chan struct{})}
	go func() {
		defer close(a.done)
		defer res.Body.Close()
		_, err := io.Copy(onlyWriter{a.Pipe}, onlyReader{body})
		a.CloseWrite(err)
		if errors.Is(err, io.ErrClosedPipe) && finish {
			_, _ = io.Copy(io.Discard, body) // nobody is left to be told of an error
		}
	}()
	return a
}

// Wait waits for the end of the answer.
func (a *Ahead) Wait() { <-a.done }

type onlyWriter struct{ io.Writer }
type onlyReader struct{ io.Reader }

type serverContext struct{}

// Detached gives a context for work that goes on when the client of r has gone, until the server stops. cancel must be
// called.
func Detached(r *http.Request) (ctx context.Context, cancel func()) {
	base, ok := r.Context().Value(serverContext{}).(context.Context)
	if !ok {
		base = context.Background()
	}
	return context.WithCancel(detached{base, r.Context()})
}

// detached ends with the server, and has the values of a request. base comes first: it is what package context looks for there.
type detached struct {
	context.Context                 // base
	request         context.Context //nolint:containedctx // that of one request, for its values
}

// Value implements context.Context.
func (d detached) Value(key any) any {
	if v := d.Context.Value(key); v != nil {
		return v
	}
	return d.request.Value(key)
}
