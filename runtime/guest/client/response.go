package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Response is a function's answer from its head on. It is an io.ReadCloser over the body.
type Response struct {
	Head wire.ResponseHead

	conn       net.Conn
	br         *bufio.Reader
	line       *Line // takes the connection back; nil: it is closed
	call       Call
	ctx        context.Context //nolint:containedctx // one exchange, bounded by its Invoke
	stop       func() bool
	cancelOnce sync.Once
	left       int // bytes of the current data frame not yet read
	end        wire.InvokeEnd
	done       bool
	err        error // what Read returns from now on; io.EOF after End
}

// Read reads the body. It returns io.EOF once End is there, and a *Failure when the answer broke off.
func (r *Response) Read(p []byte) (int, error) {
	for r.left == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if err := r.step(); err != nil {
			return 0, r.finish(err)
		}
	}
	n, err := r.br.Read(p[:min(len(p), r.left)])
	r.left -= n
	if err != nil {
		return n, r.finish(r.readError(err))
	}
	return n, nil
}

// End is what closed the answer: valid after Read has returned io.EOF.
func (r *Response) End() wire.InvokeEnd { return r.end }

// Err is nil while the answer is under way or complete, else what ended it; Replace(r.Err()) after Close says whether
// the instance is of further use.
func (r *Response) Err() error {
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}

// Close cancels the invocation if its answer has not been read to the end, and then waits until the function has let go
// of it or its grace is over. It may be called twice.
func (r *Response) Close() error {
	if r.done {
		return nil
	}
	r.sendCancel()
	for {
		if _, err := r.br.Discard(r.left); err != nil {
			r.finish(r.readError(err))
			return nil
		}
		r.left = 0
		if err := r.step(); err != nil {
			if errors.Is(err, io.EOF) {
				err = cancelled(false)
			}
			r.finish(err)
			return nil
		}
	}
}

func (r *Response) readHead() error {
	for {
		k, b, _, err := readFrame(r.br)
		switch {
		case err != nil:
			return r.finish(r.readError(err))
		case k == wire.Head:
			if err := r.Head.Parse(b); err != nil {
				return r.finish(broken(err))
			}
			return nil
		default:
			if err := r.control(k, b); err != nil {
				return r.finish(err)
			}
		}
	}
}

// step reads one frame of the body; io.EOF after End.
func (r *Response) step() error {
	k, b, n, err := readFrame(r.br)
	if err != nil {
		return r.readError(err)
	}
	switch k {
	case wire.Data:
		r.left = n
		return nil
	case wire.End:
		if err := r.end.Parse(b); err != nil {
			return broken(err)
		}
		return io.EOF
	}
	return r.control(k, b)
}

// control handles the frames that may come anywhere.
func (r *Response) control(k wire.Kind, b []byte) error {
	switch k {
	case wire.Progress:
		var p spec.Progress
		if err := json.Unmarshal(b, &p); err != nil {
			return nil //nolint:nilerr // a report that cannot be read is no reason to end the work
		}
		if r.call.OnProgress != nil && r.ctx.Err() == nil {
			r.call.OnProgress(p)
		}
		return nil
	case wire.Fail:
		return failed(b)
	}
	return broken(fmt.Errorf("unexpected frame %q", k))
}

// readError explains a failed read: a broken exchange, or an init that kept silent beyond all deadlines.
func (r *Response) readError(err error) error {
	if r.ctx.Err() != nil {
		return cancelled(true)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &Failure{Replace: true, FailHead: wire.FailHead{
			Class: wire.ClassTimeout, Message: "the function's deadline passed and its init did not say so",
		}}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return broken(err)
}

// finish ends the exchange for good and gives its buffers back.
func (r *Response) finish(err error) error {
	if r.done {
		return r.err
	}
	if untouched := r.stop != nil && r.stop(); untouched && r.keeps(err) {
		r.line.put(r.conn)
	} else {
		r.conn.Close()
	}
	giveReader(r.br)
	r.br, r.done, r.left, r.err = nil, true, 0, err
	return err
}

// keeps says whether the connection is good for another invocation: nothing but this one's answer was on it. Close, which
// cancels, ends with another error.
func (r *Response) keeps(err error) bool {
	return r.line != nil && errors.Is(err, io.EOF) && r.end.Kept && r.br.Buffered() == 0
}

// giveUp ends an exchange whose request could not be written; a Fail frame that is already there says why.
func (r *Response) giveUp(werr error) error {
	if err := r.readHead(); err != nil {
		var f *Failure
		if errors.As(err, &f) && f.Class != wire.ClassProtocol {
			return err
		}
	}
	if r.done {
		r.err = broken(werr)
		return r.err
	}
	return r.finish(broken(werr))
}
