// Package events carries what nobody waits for: Event invocations, and the records that their destinations get. An accepted
// event is on disk, is tried again as the function's settings say, and ends in a destination when the function names one.
// Delivery is at least once: a crash between an attempt and its record repeats the attempt. A record that its destination
// does not take is set aside, not lost. outgoing posts them, and everything else that leaves the control plane.
package events

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Queue runs events. Between New and Start it may not be used; it needs Stop.
type Queue struct {
	cfg    Config
	cancel context.CancelFunc
	base   context.Context //nolint:containedctx // the service's own lifetime, ended by Stop
	work   sync.WaitGroup
	wake   chan struct{} // something may be due earlier than thought

	mu      sync.Mutex
	due     schedule            // waiting, by time
	ready   map[string][]string // due, by function, in order: IDs
	running map[string]int      // by function
	held    int                 // events in the store
	unsaved map[string]Event    // newer than in the store, which could not take them
	stopped bool
}

// New makes a Queue; nothing runs before Start.
func New(c Config) *Queue {
	q := &Queue{cfg: c.WithDefaults(), wake: make(chan struct{}, 1), ready: map[string][]string{}, running: map[string]int{}, unsaved: map[string]Event{}}
	q.base, q.cancel = context.WithCancel(context.Background())
	return q
}

// Start takes up what an earlier process left and begins to run events. Damaged files are reported and left aside.
func (q *Queue) Start() error {
	q.mu.Lock()
	err := q.cfg.Store.Each(func(e Event) {
		q.held++
		heap.Push(&q.due, entry{e.ID, e.Function, e.Next})
	})
	q.mu.Unlock()
	if err != nil {
		q.cfg.Log.Error("events of an earlier run could not all be read", "error", err)
	}
	q.work.Go(q.loop)
	return nil
}

// Stop takes no more events, cancels what runs, which is tried again after the next Start, and waits. It may be called
// twice.
func (q *Queue) Stop() {
	q.mu.Lock()
	q.stopped = true
	q.mu.Unlock()
	q.cancel()
	q.work.Wait()
}

// Enqueue accepts an event: it is durable when Enqueue returns. ResourceExhausted when the queue is full.
func (q *Queue) Enqueue(_ context.Context, inv spec.Invocation) error {
	now := time.Now()
	return q.accept(Event{ID: inv.ID, Function: inv.Function, Qualifier: inv.Qualifier, Payload: inv.Payload, TraceID: inv.TraceID,
		ClientContext: inv.ClientContext, Accepted: now, Next: now})
}

func (q *Queue) accept(e Event) error {
	q.mu.Lock()
	switch {
	case q.stopped:
		q.mu.Unlock()
		return fmt.Errorf("the server is stopping: %w", errdefs.ErrUnavailable)
	case q.held >= q.cfg.Max:
		q.mu.Unlock()
		return &spec.RetryError{After: 5 * time.Second, Err: fmt.Errorf("%d events are waiting already, which is the limit: %w", q.cfg.Max, errdefs.ErrResourceExhausted)}
	}
	q.held++ // the place is taken before the slow part
	q.mu.Unlock()
	if err := q.cfg.Store.Put(e); err != nil {
		q.mu.Lock()
		q.held--
		q.mu.Unlock()
		return err
	}
	q.plan(e)
	return nil
}

// Len is how many events are not done.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}

// plan puts a stored event into the schedule.
func (q *Queue) plan(e Event) {
	q.mu.Lock()
	heap.Push(&q.due, entry{e.ID, e.Function, e.Next})
	q.mu.Unlock()
	q.poke()
}

func (q *Queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// loop starts what is due, and sleeps until the next event is or something changes.
func (q *Queue) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(q.dispatch(time.Now()))
		select {
		case <-timer.C:
		case <-q.wake:
		case <-q.base.Done():
			return
		}
	}
}

// idle is how long the loop sleeps where nothing is planned.
const idle = time.Hour

// dispatch starts every event that is due and has a place, and says how long until the next is due.
func (q *Queue) dispatch(now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.due) > 0 && !q.due[0].at.After(now) {
		e := heap.Pop(&q.due).(entry)
		q.ready[e.function] = append(q.ready[e.function], e.id)
	}
	for name, ids := range q.ready {
		places := q.places(name) - q.running[name]
		for ; places > 0 && len(ids) > 0; places-- {
			id := ids[0]
			ids = ids[1:]
			q.running[name]++
			q.work.Go(func() { q.run(name, id) })
		}
		if q.ready[name] = ids; len(ids) == 0 {
			delete(q.ready, name)
		}
	}
	if len(q.due) == 0 {
		return idle
	}
	return q.due[0].at.Sub(now)
}

// places is how many events of a function may run at the same time: as many as it serves.
func (q *Queue) places(name string) int {
	fn, err := q.cfg.Functions.Get(q.base, name, "")
	if err != nil {
		return 1
	}
	return min(max(fn.MaxInstances(), 1)*max(fn.EventsAtOnce, 1), q.cfg.PerFunction)
}

// run takes one event a step further: an attempt, or a delivery.
func (q *Queue) run(name, id string) {
	defer func() {
		q.mu.Lock()
		if q.running[name]--; q.running[name] == 0 {
			delete(q.running, name)
		}
		q.mu.Unlock()
		q.poke()
	}()
	if e, ok := q.newer(id); ok {
		q.keep(e) // nothing is done for it before the store has it: what was done already would be done again
		return
	}
	e, err := q.cfg.Store.Get(id)
	if err != nil {
		q.cfg.Log.Error("event cannot be read", "id", id, "error", err)
		q.release()
		return
	}
	if e.Delivery == nil {
		q.attempt(e)
	} else {
		q.deliver(e)
	}
}

// keep records an event's new state and plans its next step. A state that cannot be stored, as when the disk is full,
// stays in memory, and the next step is to store it.
func (q *Queue) keep(e Event) {
	err := q.cfg.Store.Put(e)
	q.mu.Lock()
	if err == nil {
		delete(q.unsaved, e.ID)
	} else {
		q.unsaved[e.ID] = e
	}
	q.mu.Unlock()
	if err != nil {
		q.cfg.Log.Error("event's state cannot be stored; it waits in memory until it can", "id", e.ID, "error", err)
		e.Next = time.Now().Add(storeAgain * q.cfg.BackoffBase)
	}
	q.plan(e)
}

// storeAgain is how long a state waits that could not be stored, in BackoffBases.
const storeAgain = 5

// newer gives an event's state where the store has an older one.
func (q *Queue) newer(id string) (Event, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e, ok := q.unsaved[id]
	return e, ok
}

// done lets go of an event.
func (q *Queue) done(e Event) {
	if err := q.cfg.Store.Delete(e.ID); err != nil {
		q.cfg.Log.Error("event cannot be deleted", "id", e.ID, "error", err)
	}
	q.release()
}

// release frees an event's place.
func (q *Queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held--
}
