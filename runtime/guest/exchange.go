package guest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/rapi"
	"github.com/videosdgx/videosdgx/runtime/sockio"
)

// exchange is one invocation's way back: the rapi.Sink that writes frames to the control plane. Small answers leave in
// one write. Its lock is never held while the function is waited for.
type exchange struct {
	g    *guest
	conn net.Conn
	head wire.InvokeHead
	call *rapi.Call // set before anything can end the exchange but its own answer

	mu       sync.Mutex
	owed     *wire.InvokeEnd // the answer's end, which waits for its log
	out      []byte          // frames not yet written
	began    time.Time
	mark     int64 // where the log stood when the function got the event
	done     bool
	kept     bool          // done, and the connection goes on
	wide     bool          // the connection was prepared for much
	end      chan struct{} // made when somebody waits; closed with done
	deadline *time.Timer
}

var _ rapi.Sink = (*exchange)(nil)

// Started notes when the function got the event. What it logged before is another's.
func (x *exchange) Started(at time.Time) {
	if x.head.Tail {
		x.g.log.settle(settling)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.began, x.mark = at, x.g.log.mark()
	x.g.log.begin(x.head.ID, x.g.cfg.Version)
}

// Head keeps the head for the first write.
func (x *exchange) Head(h rapi.Head) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done {
		return net.ErrClosed
	}
	head := wire.ResponseHead{ContentType: h.ContentType, Streaming: h.Streaming, FunctionError: h.FunctionError}
	x.frame(wire.Head, head.Append)
	return nil
}

// Data writes a piece of the answer, or keeps it when it is small.
func (x *exchange) Data(p []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done {
		return net.ErrClosed
	}
	for ; len(p) > oneWrite; p = p[min(len(p), wire.MaxData):] {
		if err := x.large(p[:min(len(p), wire.MaxData)]); err != nil {
			return err
		}
	}
	if len(p) > 0 {
		x.out = append(frame(x.out, wire.Data, len(p)), p...)
	}
	if len(x.out) > oneWrite {
		return x.write()
	}
	return nil
}

// oneWrite is up to how many bytes are copied, to go out in one write with what comes before and after them.
const oneWrite = 16 << 10

// Flush writes what has been kept.
func (x *exchange) Flush() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done {
		return net.ErrClosed
	}
	return x.write()
}

// Progress writes a report at once.
func (x *exchange) Progress(b []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.done {
		x.out = append(frame(x.out, wire.Progress, len(b)), b...)
		x.write()
	}
}

// End closes the answer, and the connection unless the client wants to keep it.
func (x *exchange) End(o rapi.Outcome) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done || x.owed != nil {
		return
	}
	e := wire.InvokeEnd{FunctionError: o.FunctionError, ErrorType: o.ErrorType, ErrorBody: o.ErrorBody, RunMicros: time.Since(x.began).Microseconds()}
	if !x.head.Tail || x.g.cfg.EventsAtOnce > 1 { // lines of several events at once cannot be told apart
		x.finish(e)
		return
	}
	x.write()
	x.owed = &e
	x.g.owe(x)
}

// settle ends an answer whose end has waited for the last lines of its log: what a runtime has to say of an event it says
// before it asks for the next.
func (x *exchange) settle() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.owed == nil || x.done {
		return
	}
	e := *x.owed
	e.LogTail, e.MaxMemory = x.g.log.since(x.mark), x.g.peak(time.Duration(e.RunMicros)*time.Microsecond)
	x.finish(e)
}

// brokenGrace is how long an answer that broke off waits for its reason, the function's death, to be known.
const brokenGrace = 200 * time.Millisecond

// Broken ends an answer that the function did not finish; when it died in the middle of it, that is the better reason.
func (x *exchange) Broken(why string) {
	time.AfterFunc(brokenGrace, func() {
		x.failWith(wire.FailHead{Class: wire.ClassExit, Message: why})
	})
}

// giveUp fails the exchange and leaves the event with the function.
func (x *exchange) giveUp(f wire.FailHead) {
	x.call.Abandon()
	x.failWith(f)
}

// failWith ends the exchange without an answer, once.
func (x *exchange) failWith(f wire.FailHead) {
	if f.LogTail == nil && f.Class != wire.ClassBusy {
		f.LogTail = x.logTail()
	}
	x.settle()                                         // it had answered
	x.conn.SetWriteDeadline(time.Now().Add(failLimit)) // frees the lock from a client that has stopped reading
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.done {
		f.Unseen = x.began.IsZero()
		x.json(wire.Fail, f)
		x.close()
		x.g.conclude(x, f.Class)
	}
}

const failLimit = time.Second

func (x *exchange) logTail() []byte {
	x.g.log.settle(settling)
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.g.log.since(x.mark)
}

func (x *exchange) over() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.done
}

// ended gives a channel that is closed with the exchange.
func (x *exchange) ended() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.end == nil {
		x.end = make(chan struct{})
		if x.done {
			close(x.end)
		}
	}
	return x.end
}

// The rest is called with mu held.

func (x *exchange) finish(e wire.InvokeEnd) {
	x.kept = x.head.Keep && x.disarm() && x.g.rest(x.conn)
	e.Kept = x.kept
	if e.Plain() {
		x.frame(wire.End, e.Append)
	} else {
		x.json(wire.End, e)
	}
	x.close()
	x.g.conclude(x, "")
}

func (x *exchange) close() {
	if x.done {
		return
	}
	x.write()
	x.done = true
	if !x.kept {
		x.conn.Close()
	}
	x.disarm()
	if x.end != nil {
		close(x.end)
	}
}

// disarm is false when the deadline has passed, and its end of the exchange is on its way.
func (x *exchange) disarm() bool {
	if x.deadline == nil || x.deadline.Stop() {
		x.deadline = nil
		return true
	}
	return false
}

// frame keeps a frame whose payload is what fill appends.
func (x *exchange) frame(k wire.Kind, fill func(b []byte) []byte) {
	at := len(x.out)
	x.out = fill(frame(x.out, k, 0))
	binary.BigEndian.PutUint32(x.out[at+1:], uint32(len(x.out)-at-frameHead))
}

// frameHead is how many bytes come before a frame's payload: its kind and its length.
const frameHead = 5

func (x *exchange) json(k wire.Kind, v any) error {
	b, err := plainJSON(v)
	if err != nil {
		return err
	}
	x.out = append(frame(x.out, k, len(b)), b...)
	return nil
}

// plainJSON leaves <, > and & as they are: an error's body would grow sixfold, past what a frame may have.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// large writes a piece from where it lies, behind what has been kept.
func (x *exchange) large(p []byte) error {
	if !x.wide {
		x.wide = true
		sockio.Widen(x.conn)
	}
	x.out = frame(x.out, wire.Data, len(p))
	_, err := (&net.Buffers{x.out, p}).WriteTo(x.conn)
	x.out = x.out[:0]
	return err
}

func (x *exchange) write() error {
	if x.done || len(x.out) == 0 {
		return nil
	}
	_, err := x.conn.Write(x.out)
	x.out = x.out[:0]
	return err
}

func frame(b []byte, k wire.Kind, n int) []byte {
	return binary.BigEndian.AppendUint32(append(b, byte(k)), uint32(n))
}
