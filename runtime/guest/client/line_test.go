package client

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// keeper answers invocations on connections that it keeps, over a real socket, and counts the dials.
func keeper(t *testing.T, kept bool) (d Dialer, dials *atomic.Int64, ends chan struct{}) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	dials, ends = &atomic.Int64{}, make(chan struct{}, 9)
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go func() { answer(c, kept); c.Close(); ends <- struct{}{} }()
		}
	}()
	return func(ctx context.Context) (net.Conn, error) {
		dials.Add(1)
		var nd net.Dialer
		return nd.DialContext(ctx, "unix", l.Addr().String())
	}, dials, ends
}

// answer serves one connection: events come back, "die" ends it unanswered.
func answer(c net.Conn, kept bool) {
	for {
		k, _, err := wire.ReadFrame(c, nil)
		if err != nil || k != wire.Invoke {
			return
		}
		_, p, err := wire.ReadFrame(c, nil)
		if err != nil {
			return
		}
		if k, _, err := wire.ReadFrame(c, nil); err != nil || k != wire.End || string(p) == "die" {
			return
		}
		wire.WriteJSON(c, wire.Head, wire.ResponseHead{})
		wire.WriteFrame(c, wire.Data, p)
		wire.WriteJSON(c, wire.End, wire.InvokeEnd{Kept: kept})
		if !kept {
			return
		}
	}
}

func say(t *testing.T, l *Line, d Dialer, text string) {
	t.Helper()
	r, err := l.Invoke(t.Context(), d, Call{Payload: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); string(b) != text || err != nil {
		t.Fatalf("%q, %v", b, err)
	}
	r.Close()
}

func TestLineKeepsItsConnection(t *testing.T) {
	d, dials, ends := keeper(t, true)
	l := &Line{}
	for range 5 {
		say(t, l, d, "x")
	}
	if dials.Load() != 1 || len(ends) != 0 {
		t.Errorf("%d dials", dials.Load())
	}
	l.Drop()
	<-ends
	say(t, l, d, "after Drop")
	l.Close()
	<-ends
	say(t, l, d, "after Close")
	<-ends // at once
	if dials.Load() != 3 {
		t.Errorf("%d dials", dials.Load())
	}
}

// TestLineLetsGo closes what has rested for a second.
func TestLineLetsGo(t *testing.T) {
	d, _, ends := keeper(t, true)
	l := &Line{}
	defer l.Close()
	say(t, l, d, "x")
	<-ends
}

// TestLineWithoutKeeping is an init that does not know of it, or will not.
func TestLineWithoutKeeping(t *testing.T) {
	d, dials, ends := keeper(t, false)
	l := &Line{}
	defer l.Close()
	for range 3 {
		say(t, l, d, "x")
		<-ends
	}
	if dials.Load() != 3 {
		t.Errorf("%d dials", dials.Load())
	}
}

// TestLineUnread closes connections whose answer has not been read: they are not in a state to be used again.
func TestLineUnread(t *testing.T) {
	d, dials, ends := keeper(t, true)
	l := &Line{}
	defer l.Close()
	r, err := l.Invoke(t.Context(), d, Call{Payload: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	<-ends
	say(t, l, d, "y")
	if dials.Load() != 2 {
		t.Errorf("%d dials", dials.Load())
	}
}

// TestLineOfTheDead says that an event was not seen by an init that has gone meanwhile.
func TestLineOfTheDead(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	far.Close()
	line := &Line{}
	defer line.Close()
	line.put(near)
	_, err = line.Invoke(t.Context(), nil, Call{Payload: []byte("x")})
	var f *Failure
	if !errors.As(err, &f) || !f.Unseen || !f.Replace {
		t.Errorf("%v", err)
	}
}
