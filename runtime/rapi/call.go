package rapi

import (
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/rapi/http1"
)

// Call is one event between Submit and its end. A call is *queued* until a poll takes it, then *held* by the function,
// then *answering* while its answer is read, then *over*. A call that its owner has *abandoned* (deadline, cancel) still
// occupies the function until it answers or polls again.
type Call struct {
	event  Event
	sink   Sink
	server *Server

	mu        sync.Mutex
	state     callState
	abandoned bool
	cancelled bool
	watchers  []*http1.Reply // of the cancellation long poll
}

type callState int

const (
	queued callState = iota
	held
	answering
	over
)

// hand marks a queued call as held; false when it was abandoned before.
func (c *Call) hand() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.abandoned || c.state != queued {
		return false
	}
	c.state = held
	c.sink.Started(time.Now())
	return true
}

// requeue undoes hand for an event that did not reach the function.
func (c *Call) requeue() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == held {
		c.state = queued
	}
}

// answer claims the right to answer. ok is false when the function has answered already; wanted is false when nobody
// wants the answer any more.
func (c *Call) answer() (wanted, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != held {
		return false, false
	}
	c.state = answering
	return !c.abandoned, true
}

// finish ends the call, frees its place and lets cancellation polls go.
func (c *Call) finish() {
	c.mu.Lock()
	c.state = over
	watchers := c.watchers
	c.watchers = nil
	c.mu.Unlock()
	for _, w := range watchers {
		w.Send(204, nil, nil)
	}
	c.server.forget(c)
}

// Cancel tells the function, if it listens, that the answer is no longer wanted. It may answer all the same.
func (c *Call) Cancel() {
	c.mu.Lock()
	c.cancelled = true
	watchers := c.watchers
	c.watchers = nil
	c.mu.Unlock()
	for _, w := range watchers {
		w.JSON(200, cancelledText)
	}
}

// Abandon says that the owner has given the event up: an answer that has not begun yet will not reach its sink. holds
// reports that the function still has the event and is occupied by it.
func (c *Call) Abandon() (holds bool) {
	c.mu.Lock()
	c.abandoned = true
	state := c.state
	c.mu.Unlock()
	if state == queued {
		c.server.drop(c)
	}
	return state == held || state == answering
}

// watch registers a cancellation poll.
func (c *Call) watch(w *http1.Reply) {
	c.mu.Lock()
	switch {
	case c.cancelled:
		c.mu.Unlock()
		w.JSON(200, cancelledText)
	case c.state == over:
		c.mu.Unlock()
		w.Send(204, nil, nil)
	default:
		c.watchers = append(c.watchers, w)
		c.mu.Unlock()
	}
}
