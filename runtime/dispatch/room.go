package dispatch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/dispatch/roster"
	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// room is the machine's memory and who has it.
type room struct {
	d  *Dispatcher
	mu sync.Mutex // held from reading the memory until the decision is carried out; taken before any other lock

	books sync.Mutex // guards held and clock; taken last
	held  map[*member]*holding
	clock placement.Clock

	news    sync.Mutex
	changed chan struct{} // nil: nobody waits
}

// holding is what a member has been given.
type holding struct {
	demand   placement.Demand
	settled  bool
	priority float64
}

func newRoom(d *Dispatcher) *room { return &room{d: d, held: map[*member]*holding{}} }

// entry is one start that asks for room; it carries out what placement decides.
type entry struct {
	*room
	m       *member
	since   time.Time
	want    placement.Demand
	gpus    []string   // chosen for it, where it asks for a number of any
	left    spec.Bytes // free on each of its GPUs
	claimed []*member
}

var _ placement.Effects = (*entry)(nil)

// admit returns when m has its room.
func (r *room) admit(ctx context.Context, m *member, since time.Time) error {
	if r.d.cfg.Pools == nil {
		return r.choose(m)
	}
	name := m.inst.Function().Name
	d, err := placement.Admit(ctx, &entry{room: r, m: m, since: since})
	if notThere(err) {
		return lacking(name, err)
	}
	if err != nil {
		return err
	}
	switch d.Verdict {
	case placement.Never:
		return &spec.RetryError{Err: fmt.Errorf(
			"function %s needs %s of %s memory for an instance and this machine can give at most %s; lower limits.memory or deviceMemory: %w",
			name, d.Need, d.Pool, wholeMiB(d.Most), errdefs.ErrResourceExhausted)}
	case placement.Full:
		return &spec.RetryError{After: 10 * time.Second, Err: fmt.Errorf(
			"function %s needs %s of %s memory for an instance and %s leave %s: %w",
			name, d.Need, d.Pool, takers(d), wholeMiB(d.Most), errdefs.ErrResourceExhausted)}
	}
	return nil
}

// takers names who has the memory of a pool that is full.
func takers(d placement.Decision) string {
	if d.Kept == 0 {
		return "other programs on this machine"
	}
	return fmt.Sprintf("pinned functions and minInstances, which hold %s, and other programs on this machine", wholeMiB(d.Kept))
}

// wholeMiB is a size that a person can read: odd bytes have no unit of their own.
func wholeMiB(b spec.Bytes) spec.Bytes { return b &^ (1<<20 - 1) }

// demand is what a member with its GPUs is taken to need.
func (r *room) demand(m *member) placement.Demand { return need(m, m.inst.GPUs(), r.d.cfg.Pools()) }

func need(m *member, gpus []string, pools []placement.Pool) placement.Demand {
	m.pool.mu.Lock()
	measured := m.pool.measured
	m.pool.mu.Unlock()
	fn := m.inst.Function()
	fn.GPUs = gpus
	return placement.Footprint(&fn, pools, measured)
}

// Lock and Unlock keep others from promising the same room.
func (e *entry) Lock()   { e.mu.Lock() }
func (e *entry) Unlock() { e.mu.Unlock() }

// View says what there is and who has it.
func (e *entry) View() ([]placement.Pool, []placement.Holding) {
	type pair struct {
		m *member
		h holding
	}
	e.books.Lock()
	all := make([]pair, 0, len(e.held))
	for m, h := range e.held {
		all = append(all, pair{m, *h})
	}
	e.books.Unlock()
	held := make([]placement.Holding, len(all))
	for i, x := range all {
		s := x.m.standing(e)
		held[i] = placement.Holding{
			ID: x.m.inst.ID(), Demand: x.h.demand, Settled: x.h.settled, Priority: x.h.priority,
			Movable: s.movable, Yields: s.yields, Stays: s.stays,
		}
	}
	return e.d.cfg.Pools(), held
}

// standing is whether a member could go for a start: now, once it is idle, or never.
type standing struct{ movable, yields, stays bool }

// standing says how the member stands towards a start that has been wanted since then.
func (m *member) standing(e *entry) standing {
	since := e.since
	p := m.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	at := m.seat.Place()
	switch {
	case at == roster.Leaving || at == roster.Lent || p.retired != nil:
		return standing{} // it goes as soon as it can
	case p.fn.Pin || p.table.Instances() <= p.fn.MinInstances:
		return standing{stays: true}
	case at != roster.Serving || p.table.Serving() <= p.fn.MinInstances || m.promised(e):
		return standing{}
	case p == e.m.pool && !e.m.lent:
		return standing{} // one of a version does not give way to another of it: the queue would be served later, not sooner
	}
	first := p.queue.Front()
	older := first != nil && first.Value.(*waiter).since.Before(since)
	idle := m.seat.Idle()
	return standing{movable: idle && !older, yields: !idle && !older}
}

// Hold gives the start its room.
func (e *entry) Hold() {
	e.books.Lock()
	defer e.books.Unlock()
	e.held[e.m] = &holding{demand: e.want}
	e.m.inst.Give(e.gpus)
	e.m.inst.Leave(e.left)
}

// Evict gives up instances that are idle.
func (e *entry) Evict(ctx context.Context, ids []string) error {
	var work sync.WaitGroup
	for _, id := range ids {
		if v, ok := e.d.members.Load(id); ok && v.(*member).giveUp(e) {
			m := v.(*member)
			e.d.cfg.Log.Info("making room", "instance", id, "for", e.m.inst.Function().Name)
			e.age(m)
			work.Go(func() { e.d.end(context.WithoutCancel(ctx), m, roster.Evicted, e.d.cfg.StopGrace) })
		}
	}
	work.Wait()
	return context.Cause(ctx)
}

func (r *room) age(m *member) {
	r.books.Lock()
	defer r.books.Unlock()
	if h := r.held[m]; h != nil {
		r.clock.Evicted(h.priority)
	}
}

// giveUp takes a member out of service if it still may go.
func (m *member) giveUp(e *entry) bool {
	if !m.standing(e).movable {
		return false
	}
	p := m.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	return m.seat.Serves() && m.seat.Idle() && p.part(m, roster.Evicted)
}

// Claim keeps busy instances from getting further events.
func (e *entry) Claim(ids []string) {
	before := e.claimed
	e.claimed = nil
	for _, id := range ids {
		if v, ok := e.d.members.Load(id); ok {
			m := v.(*member)
			m.claim(e)
			e.claimed = append(e.claimed, m)
		}
	}
	for _, m := range before {
		if !slices.Contains(e.claimed, m) {
			m.unclaim(e)
		}
	}
	if len(e.claimed) == 0 && len(before) > 0 {
		e.tell() // younger starts may have what was claimed
	}
}

func (m *member) claim(e *entry) {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	if m.claims == nil {
		m.claims = map[*entry]struct{}{}
	}
	m.claims[e] = struct{}{}
}

func (m *member) unclaim(e *entry) {
	m.pool.mu.Lock()
	delete(m.claims, e)
	free := len(m.claims) == 0
	m.pool.mu.Unlock()
	if free {
		m.resume()
	}
}

// promised says that an older start than e waits for this member's room; the caller holds the pool's mutex.
func (m *member) promised(e *entry) bool {
	for other := range m.claims {
		if other != e && other.since.Before(e.since) {
			return true
		}
	}
	return false
}

// resume lets a member that is no longer claimed serve the invocations that came meanwhile.
func (m *member) resume() {
	p := m.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.seat.Serves() {
		p.offer(m)
	}
}

// Changed gives a channel that is closed at the next change.
func (e *entry) Changed() <-chan struct{} {
	e.news.Lock()
	defer e.news.Unlock()
	if e.changed == nil {
		e.changed = make(chan struct{})
	}
	return e.changed
}

// tell wakes the starts that wait for room.
func (r *room) tell() {
	r.news.Lock()
	defer r.news.Unlock()
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// free takes a member's room back.
func (r *room) free(m *member) {
	r.books.Lock()
	delete(r.held, m)
	r.books.Unlock()
	r.tell()
}

// move gives one member's room to another.
func (r *room) move(from, to *member) {
	r.books.Lock()
	defer r.books.Unlock()
	if h := r.held[from]; h != nil {
		delete(r.held, from)
		r.held[to] = h
	}
}
