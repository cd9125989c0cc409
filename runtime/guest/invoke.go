package guest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/rapi"
)

const defaultGrace = 800 * time.Millisecond // InvokeHead.CancelGraceMs of 0

// invoke runs an invocation: it reads the event, gives it to the function, and watches the connection for a cancel. It
// returns the frame that comes next on a connection that is kept, else an error.
func (g *guest) invoke(conn net.Conn, br *bufio.Reader, b []byte) (wire.Kind, []byte, error) {
	var h wire.InvokeHead
	if err := h.Parse(b); err != nil {
		protocol(conn, err.Error())
		return 0, nil, err
	}
	payload, err := readPayload(br, h.Size, g.maxPayload())
	if err != nil {
		refuse(conn, br, err)
		return 0, nil, err
	}
	x := &exchange{g: g, conn: conn, head: h, mark: g.log.mark()}
	if !g.add(x) {
		x.failWith(g.death())
		return 0, nil, net.ErrClosed
	}
	defer g.remove(x)
	if x.call, err = g.api.Submit(event(h, payload), x); err != nil {
		x.failWith(wire.FailHead{Class: wire.ClassBusy, Message: err.Error()})
		return 0, nil, err
	}
	x.arm()
	return x.listen(br)
}

func event(h wire.InvokeHead, payload []byte) rapi.Event {
	e := rapi.Event{
		ID: h.ID, ARN: h.ARN, DeadlineMs: h.DeadlineMs, TraceID: h.TraceID,
		ClientContext: h.ClientContext, Identity: h.Identity, Payload: payload,
	}
	if c := cap(payload); c >= keptLeast && c <= keptMost {
		e.Free = func() { payloads.Put(&payload) }
	}
	return e
}

// Memory of events of these lengths, in bytes, is used again: a heap as small as init's is collected after each of some MiB.
const (
	keptLeast = 256 << 10
	keptMost  = 8 << 20
)

var payloads sync.Pool // of *[]byte

// payloadRoom gives memory for an event of n bytes.
func payloadRoom(n int) []byte {
	if n >= keptLeast && n <= keptMost {
		if p, _ := payloads.Get().(*[]byte); p != nil && cap(*p) >= n {
			return (*p)[:0]
		}
	}
	return make([]byte, 0, n)
}

func (g *guest) maxPayload() int64 {
	if g.cfg.MaxPayload > 0 {
		return g.cfg.MaxPayload
	}
	return wire.DefaultMaxPayload
}

// readPayload reads Data* End. size is how long the event will be, as far as it was said: one that grows while it is read
// is copied several times.
func readPayload(br *bufio.Reader, size, limit int64) ([]byte, error) {
	var payload []byte
	if size > limit {
		return nil, tooLong(limit)
	}
	for {
		k, n, err := wire.ReadHeader(br)
		switch {
		case err != nil:
			return nil, err
		case k == wire.End && n == 0:
			return payload, nil
		case k != wire.Data:
			return nil, fmt.Errorf("frame %q inside an event", k)
		case int64(len(payload)+n) > limit:
			_, _ = br.Discard(n) // a broken connection is found by who reads on
			return nil, tooLong(limit)
		case payload == nil:
			payload = payloadRoom(max(int(size), n))
		}
		at := len(payload)
		payload = slices.Grow(payload, n)[:at+n]
		if _, err := io.ReadFull(br, payload[at:]); err != nil {
			return nil, io.ErrUnexpectedEOF
		}
	}
}

// tooLong is the error of an event that exceeds so many bytes.
type tooLong int64

func (limit tooLong) Error() string {
	return fmt.Sprintf("the event is longer than %d bytes (limits.payload)", int64(limit))
}

// mostDropped is how much of an event that is too long is read, so that who sends it hears why it was refused, in bytes.
const mostDropped = 1 << 30

// refuse answers what is no event. One that is too long has not reached the function, which serves on.
func refuse(conn net.Conn, br *bufio.Reader, err error) {
	var long tooLong
	if !errors.As(err, &long) {
		protocol(conn, err.Error())
		return
	}
	for dropped := 0; dropped < mostDropped; {
		k, n, err := wire.ReadHeader(br)
		if err != nil || k != wire.Data {
			break
		}
		if _, err := br.Discard(n); err != nil {
			break
		}
		dropped += n
	}
	wire.WriteJSON(conn, wire.Fail, wire.FailHead{Class: wire.ClassTooLarge, Message: err.Error(), Unseen: true})
}

// arm sets the deadline.
func (x *exchange) arm() {
	if x.head.DeadlineMs <= 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.done {
		x.deadline = time.AfterFunc(time.Until(time.UnixMilli(x.head.DeadlineMs)), x.timeout)
	}
}

func (x *exchange) timeout() {
	x.call.Cancel()
	x.giveUp(wire.FailHead{Class: wire.ClassTimeout, Message: "the function did not answer before its deadline"})
}

// listen waits for the client's cancel, which a closed connection is as well, and returns when the exchange is over: with
// the frame that came next if the connection was kept.
func (x *exchange) listen(br *bufio.Reader) (wire.Kind, []byte, error) {
	k, b, err := wire.ReadFrame(br, nil)
	if x.over() {
		return x.next(k, b, err)
	}
	if err == nil && k != wire.Cancel {
		x.giveUp(wire.FailHead{Class: wire.ClassProtocol, Message: fmt.Sprintf("frame %q during an invocation", k)})
		return 0, nil, net.ErrClosed
	}
	if !errors.Is(err, net.ErrClosed) {
		x.cancelled()
	}
	return 0, nil, net.ErrClosed
}

func (x *exchange) next(k wire.Kind, b []byte, err error) (wire.Kind, []byte, error) {
	if !x.kept {
		return 0, nil, net.ErrClosed
	}
	x.g.awake(x.conn)
	return k, b, err
}

// cancelled tells the function, and ends the exchange when it has not answered after the grace.
func (x *exchange) cancelled() {
	x.call.Cancel()
	select {
	case <-x.ended():
	case <-time.After(x.grace()):
		x.giveUp(wire.FailHead{Class: wire.ClassCancelled, Message: "the function did not answer within the grace after a cancel"})
	}
}

func (x *exchange) grace() time.Duration {
	if ms := x.head.CancelGraceMs; ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return defaultGrace
}
