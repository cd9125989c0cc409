package dispatch

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/dispatch/roster"
	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// pool is one version of a function in use.
type pool struct {
	d      *Dispatcher
	rec    *history
	name   string // the function's
	digest string

	mu        sync.Mutex
	fn        spec.Function
	table     roster.Table[*member]
	queue     list.List          // of *waiter
	admitting []*launch          // of those that start, the ones that wait for room and may still be called off
	idleFrom  time.Time          // when nothing was in flight any more
	retired   error              // why no event may come any more; nil while serving
	paused    bool               // nothing is provided for now, after a failure
	backoff   time.Duration      // how long the last such pause was
	seen      spec.Bytes         // most anonymous memory seen in one instance, and headroom
	onDevice  spec.Bytes         // the same of one GPU's memory
	measured  placement.Measured // both, once an event has come to its end; 0 before
	starts    starts
	rising    spec.StartStep // what was heard last of an instance on its way up; zero: nothing
}

// waiter is an invocation in the queue.
type waiter struct {
	since   time.Time
	granted chan grant // gets exactly one, unless the waiter takes itself out of the queue
	news    chan spec.StartStep
}

// grant is a slot in an instance, or why there is none.
type grant struct {
	m      *member
	phases spec.Phases
	err    error
}

var errRetired = errors.New("the version has been replaced")

func newPool(d *Dispatcher, fn spec.Function, rec *history) *pool {
	return &pool{d: d, rec: rec, name: fn.Name, digest: fn.Digest, fn: fn}
}

// meter counts for a function that is still there.
func (p *pool) meter() Meter {
	if p.rec.gone.Load() {
		return silent{}
	}
	return p.d.cfg.Meter
}

// acquire takes a slot, waiting in the queue if none is free.
func (p *pool) acquire(ctx context.Context, inv *spec.Invocation, since time.Time) (grant, error) {
	p.mu.Lock()
	if p.retired != nil {
		defer p.mu.Unlock()
		return grant{}, p.retired
	}
	if p.fn.MaxInstances() == 0 {
		defer p.mu.Unlock()
		return grant{}, p.throttled()
	}
	if p.queue.Len() == 0 {
		if s := p.table.Pick((*member).unclaimed); s != nil {
			g := p.take(s.Of, since)
			p.mu.Unlock()
			return g, nil
		}
	}
	if p.queue.Len() >= p.fn.QueueLimit {
		defer p.mu.Unlock()
		return grant{}, p.full()
	}
	w := newWaiter(since)
	w.hear(p.rising)
	at := p.queue.PushBack(w)
	p.grow()
	p.mu.Unlock()
	return p.wait(ctx, inv, w, at)
}

// full words a refusal, with the time after which what waits now will have been served.
func (p *pool) full() error {
	most := p.fn.MaxInstances()
	return &spec.RetryError{After: p.rec.drained(p.queue.Len(), most*p.fn.EventsAtOnce), Reason: spec.OverReserved, Err: fmt.Errorf(
		"%d invocations wait for function %s already, its queueLimit; ask again later, or raise queueLimit or concurrency (%d): %w",
		p.queue.Len(), p.name, most, errdefs.ErrResourceExhausted)}
}

// throttled words the refusal of a function whose every instance was taken from it.
func (p *pool) throttled() error {
	return &spec.RetryError{Reason: spec.OverReserved, Err: fmt.Errorf(
		"function %s is throttled: its reserved concurrency is 0; raise it, or take it away with DeleteFunctionConcurrency: %w",
		p.name, errdefs.ErrResourceExhausted)}
}

// wait waits for a grant until the caller gives up or the invocation's deadline passes.
func (p *pool) wait(ctx context.Context, inv *spec.Invocation, w *waiter, at *list.Element) (grant, error) {
	if !inv.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, inv.Deadline)
		defer cancel()
	}
	if g, ok := w.wait(ctx, inv); ok {
		return g, g.err
	}
	p.leave(w, at)
	return grant{}, fmt.Errorf("invocation %s waited %s for an instance of %s: %w",
		inv.ID, time.Since(w.since).Round(time.Millisecond), p.name, context.Cause(ctx))
}

// leave takes a waiter out of the queue; a grant that came first goes back.
func (p *pool) leave(w *waiter, at *list.Element) {
	p.mu.Lock()
	select {
	case g := <-w.granted:
		p.mu.Unlock()
		if g.m != nil {
			p.release(g.m, false)
		}
		return
	default:
	}
	p.queue.Remove(at)
	p.callOff()
	p.mu.Unlock()
}

// take uses one slot of a member with a free one.
func (p *pool) take(m *member, since time.Time) grant {
	now := time.Now()
	if p.table.InFlight() == 0 && !p.idleFrom.IsZero() {
		p.rec.gap(now.Sub(p.idleFrom))
	}
	if m.seat.Idle() {
		m.busyFrom = now
	}
	p.table.Take(m.seat)
	g := grant{m: m}
	waited := now.Sub(since)
	if m.fresh != nil {
		g.phases, m.fresh = *m.fresh, nil
		waited -= g.phases.Evict + g.phases.Create + g.phases.Start + g.phases.Restore + g.phases.Init
	}
	g.phases.Queue = max(waited, 0)
	return g
}

// release gives a slot back; with replace the member is not used again.
func (p *pool) release(m *member, replace bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired != nil {
		p.dismiss(m, roster.Retired)
	}
	if replace {
		p.dismiss(m, roster.Useless)
	}
	last := p.over(m)
	if p.table.InFlight() == 0 {
		p.idleFrom = time.Now()
	}
	if last {
		p.discard(m)
	}
	if m.seat.Serves() {
		p.offer(m)
	}
}

// offer hands a member's free slots to who waits, and lists what is left.
func (p *pool) offer(m *member) {
	for m.seat.Free() && p.queue.Len() > 0 && m.unclaimed() {
		w := p.queue.Remove(p.queue.Front()).(*waiter)
		w.granted <- p.take(m, w.since)
		p.d.room.tell() // who is first in the queue now may have come after a start that waits for this room
	}
	p.callOff()
	p.table.Offer(m.seat)
	if m.seat.Idle() {
		m.rest()
	}
}

// grow starts as many instances as the queue needs and the function may have.
func (p *pool) grow() {
	if p.retired != nil {
		return
	}
	need := (p.queue.Len() + p.fn.EventsAtOnce - 1) / p.fn.EventsAtOnce
	for p.table.Starting() < need && p.table.Instances() < p.fn.MaxInstances() {
		if !p.start(p.oldest()) {
			return
		}
	}
}

// oldest is since when the first in the queue has waited.
func (p *pool) oldest() time.Time {
	if f := p.queue.Front(); f != nil {
		return f.Value.(*waiter).since
	}
	return time.Now()
}

// provision keeps minInstances started and spares staged.
func (p *pool) provision() {
	if p.retired != nil || p.paused || !p.d.recovered.Load() {
		return
	}
	for p.table.Instances() < min(p.fn.MinInstances, p.fn.MaxInstances()) && p.start(time.Now()) {
	}
	for p.table.Spares() < p.fn.StagedSpares && p.stage() {
	}
}

// fail answers everybody in the queue.
func (p *pool) fail(err error) {
	for p.queue.Len() > 0 {
		p.queue.Remove(p.queue.Front()).(*waiter).granted <- grant{err: err}
	}
}
