package client

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/sockio"
)

// lineIdle is how long a connection without an invocation stays open.
const lineIdle = time.Second

// Line invokes one instance over connections that it keeps from one invocation to the next, for a second: dialling is a
// quarter of what a warm call costs. While a connection is kept the instance cannot be checkpointed and should not be
// frozen; Drop closes them. The zero Line is ready for use, also by several goroutines.
type Line struct {
	mu     sync.Mutex
	idle   []resting   // the last one used is at the end
	timer  *time.Timer // runs tidy
	armed  bool
	closed bool
}

// resting is a connection between two invocations.
type resting struct {
	net.Conn
	since time.Time
}

// Invoke is the package's Invoke on a connection that may be a kept one. An instance that has died meanwhile has not seen
// the event, and the *Failure says so.
func (l *Line) Invoke(ctx context.Context, dial Dialer, call Call) (*Response, error) {
	return invoke(ctx, dial, call, l)
}

// Drop closes the connections that rest.
func (l *Line) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut(len(l.idle))
}

// Close is Drop for good: what is still in use is closed at its end.
func (l *Line) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.cut(len(l.idle))
	if l.timer != nil {
		l.timer.Stop()
	}
}

// take gives a connection; a nil Line has none that is kept.
func (l *Line) take(ctx context.Context, dial Dialer) (net.Conn, error) {
	if c := l.kept(); c != nil {
		return c, nil
	}
	c, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	return sockio.Conn(c), nil
}

func (l *Line) kept() net.Conn {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.idle) - 1
	if n < 0 {
		return nil
	}
	c := l.idle[n].Conn
	l.idle[n], l.idle = resting{}, l.idle[:n]
	return c
}

func (l *Line) put(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.Close()
		return
	}
	l.idle = append(l.idle, resting{c, time.Now()})
	l.arm(lineIdle)
}

// tidy closes what has rested long enough. One timer a second is cheaper than one for every invocation.
func (l *Line) tidy() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = false
	n, now := 0, time.Now()
	for n < len(l.idle) && now.Sub(l.idle[n].since) >= lineIdle {
		n++
	}
	l.cut(n)
	if len(l.idle) > 0 {
		l.arm(lineIdle - now.Sub(l.idle[0].since))
	}
}

// The rest is called with mu held.

func (l *Line) arm(d time.Duration) {
	switch {
	case l.armed:
		return
	case l.timer == nil:
		l.timer = time.AfterFunc(d, l.tidy)
	default:
		l.timer.Reset(d)
	}
	l.armed = true
}

// cut closes the first n of idle, which have rested longest.
func (l *Line) cut(n int) {
	for _, r := range l.idle[:n] {
		r.Close()
	}
	l.idle = slices.Delete(l.idle, 0, n)
}
