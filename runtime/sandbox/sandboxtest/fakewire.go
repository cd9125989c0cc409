package sandboxtest

import (
	"context"
	"encoding/json"
	"net"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// serve speaks init's side of one exchange.
func (b *FakeBox) serve(conn net.Conn) {
	defer func() {
		conn.Close()
		b.mu.Lock()
		delete(b.conns, conn)
		b.mu.Unlock()
	}()
	b.mu.Lock()
	thawed := b.thawed
	b.mu.Unlock()
	select {
	case <-thawed:
	case <-b.exited:
		return
	}
	k, head, err := wire.ReadFrame(conn, nil)
	if err != nil {
		return
	}
	switch k {
	case wire.Invoke:
		b.invoke(conn, head)
	case wire.Ready:
		if !b.refuse(conn) {
			wire.WriteJSON(conn, wire.State, wire.StateHead{InitMicros: time.Since(b.begin).Microseconds() + 1})
		}
	case wire.Prepare, wire.Restored:
		wire.WriteFrame(conn, wire.End, nil)
	}
}

// refuse tells why the function never became ready, and then ends.
func (b *FakeBox) refuse(conn net.Conn) bool {
	b.mu.Lock()
	f := b.initErr
	b.mu.Unlock()
	if f == nil {
		return false
	}
	wire.WriteJSON(conn, wire.Fail, *f)
	b.end(f.Exit)
	return true
}

func (b *FakeBox) invoke(conn net.Conn, head []byte) {
	e := &Event{box: b, conn: conn, cancelled: make(chan struct{})}
	if json.Unmarshal(head, &e.Head) != nil || !e.readPayload() || b.refuse(conn) {
		return
	}
	if !b.hold(+1) {
		e.fail(wire.FailHead{Class: wire.ClassBusy, Message: "the function holds as many events as it may"})
		return
	}
	b.mu.Lock()
	e.mark = len(b.logged)
	b.mu.Unlock()
	b.wg.Go(e.listen)
	e.run()
}

// hold counts an event in (+1, false when there are too many) or out (-1).
func (b *FakeBox) hold(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > 0 && b.held >= max(b.guest.EventsAtOnce, 1) {
		return false
	}
	b.held += n
	return true
}

// run plays the script against deadline, cancel and death.
func (e *Event) run() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	e.box.wg.Go(func() {
		defer close(done)
		script := e.box.fake.Script
		if script == nil {
			script = EchoScript
		}
		script(ctx, e)
		stop()
	})
	defer stop()
	deadline, cancelled := (<-chan time.Time)(nil), e.cancelled
	if e.Head.DeadlineMs > 0 {
		deadline = time.After(time.Until(time.UnixMilli(e.Head.DeadlineMs)))
	}
	var grace <-chan time.Time
	for {
		select {
		case <-done:
			return
		case <-e.box.exited:
			stop()
			<-done
			return
		case <-cancelled:
			cancelled = nil
			grace = time.After(max(time.Duration(e.Head.CancelGraceMs)*time.Millisecond, time.Millisecond))
		case <-grace:
			e.fail(wire.FailHead{Class: wire.ClassCancelled, Message: "the function did not answer within the grace after a cancel"})
			return
		case <-deadline:
			e.fail(wire.FailHead{Class: wire.ClassTimeout, Message: "the function did not answer before its deadline"})
			return
		}
	}
}
