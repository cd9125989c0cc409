package client

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/sockio"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Call is one invocation to be sent.
type Call struct {
	Head       wire.InvokeHead
	Payload    []byte
	OnProgress func(spec.Progress) // nil: not wanted; called from Invoke and from Response.Read, in order
}

// Invoke sends an event and returns when the head of the answer is there. The event may be sent before the function is
// ready: init keeps it until the first /next. When ctx ends, also while the body is being read, the function is told and
// gets CancelGraceMs to answer or give up; so Invoke (or Read) returns at most that much later, and the *Failure says
// whether the instance may serve on. Errors of dial are returned as they are unless ctx has ended; all others are *Failure.
func Invoke(ctx context.Context, dial Dialer, call Call) (*Response, error) {
	return invoke(ctx, dial, call, nil)
}

func invoke(ctx context.Context, dial Dialer, call Call, line *Line) (*Response, error) {
	conn, err := line.take(ctx, dial)
	if err != nil && ctx.Err() != nil {
		return nil, cancelled(false) // nothing was sent, and nothing is wrong with the instance
	}
	if err != nil {
		return nil, fmt.Errorf("dial init.sock: %w", err)
	}
	call.Head.Keep, call.Head.Size = line != nil, said(len(call.Payload))
	r := &Response{conn: conn, br: takeReader(conn), call: call, ctx: ctx, line: line}
	r.limit()
	if err := sendCall(conn, call); err != nil {
		// init may have refused before it had read everything: its word is better than EPIPE.
		return nil, r.giveUp(err)
	}
	r.stop = context.AfterFunc(ctx, r.sendCancel)
	if err := r.readHead(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		r.Close()
		return nil, r.err
	}
	return r, nil
}

// said is what the head says of an event's length: nothing of a short one, whose only frame says it.
func said(n int) int64 {
	if n <= oneFrame {
		return 0
	}
	return int64(n)
}

// oneFrame is up to how many bytes an event goes out in one frame, and one write with its head.
const oneFrame = 64 << 10

var writers = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}

// sendCall writes Invoke, Data* and End: in one write when the payload is small.
func sendCall(conn net.Conn, call Call) error {
	p := writers.Get().(*[]byte)
	defer writers.Put(p)
	b := call.Head.Append(header((*p)[:0], wire.Invoke, 0))
	binary.BigEndian.PutUint32(b[1:], uint32(len(b)-frameHead))
	rest := call.Payload
	if len(rest) <= oneFrame {
		if len(rest) > 0 {
			b = append(header(b, wire.Data, len(rest)), rest...)
		}
		rest = nil
	}
	if len(rest) > 0 {
		sockio.Widen(conn)
	}
	for len(rest) > 0 {
		chunk := rest[:min(len(rest), wire.MaxData)]
		rest = rest[len(chunk):]
		bufs := net.Buffers{header(b, wire.Data, len(chunk)), chunk}
		if _, err := bufs.WriteTo(conn); err != nil {
			return err
		}
		b = b[:0]
	}
	b = header(b, wire.End, 0)
	_, err := conn.Write(b)
	*p = b[:0]
	return err
}

func header(b []byte, k wire.Kind, n int) []byte {
	return binary.BigEndian.AppendUint32(append(b, byte(k)), uint32(n))
}

// limit bounds the whole exchange, so that an init that has gone silent cannot hold the caller for ever.
func (r *Response) limit() {
	if ms := r.call.Head.DeadlineMs; ms > 0 {
		r.conn.SetReadDeadline(time.UnixMilli(ms).Add(r.grace() + slack))
	} else if r.line != nil {
		r.conn.SetReadDeadline(time.Time{}) // of the invocation before
	}
}

func (r *Response) grace() time.Duration {
	if ms := r.call.Head.CancelGraceMs; ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return defaultGrace
}

// sendCancel runs in a goroutine of the context's when it ends, or in Close.
func (r *Response) sendCancel() {
	r.cancelOnce.Do(func() {
		r.conn.SetReadDeadline(time.Now().Add(r.grace() + slack))
		r.conn.SetWriteDeadline(time.Now().Add(slack))
		wire.WriteFrame(r.conn, wire.Cancel, nil) // a failure shows in what is read
	})
}

// frameHead is how many bytes come before a frame's payload: its kind and its length.
const frameHead = 5

// readFrame reads one control frame, which is valid until the next read, or the header of a data frame, whose length it returns
// instead of its bytes.
func readFrame(br *bufio.Reader) (k wire.Kind, b []byte, data int, err error) {
	h, err := br.Peek(frameHead)
	if err != nil {
		return 0, nil, 0, err
	}
	k, n := wire.Kind(h[0]), binary.BigEndian.Uint32(h[1:])
	switch {
	case k != wire.Data && n > uint32(br.Size()-frameHead):
		k, b, err = wire.ReadFrame(br, nil)
		return k, b, 0, err
	case k != wire.Data:
		h, err = br.Peek(frameHead + int(n))
		if err != nil {
			return 0, nil, 0, err
		}
		br.Discard(len(h))
		return k, h[frameHead:], 0, nil
	case n > wire.MaxData:
		return 0, nil, 0, fmt.Errorf("data frame of %d bytes exceeds %d", n, wire.MaxData)
	}
	br.Discard(frameHead)
	return k, nil, int(n), nil
}
