package dispatch

import (
	"context"

	"github.com/videosdgx/videosdgx/runtime/dispatch/roster"
)

// part has a member leave from wherever it stands. It is the only way out of service, and the first reason stays. idle
// says that nothing is in flight and that the caller is to end it; otherwise its last event does. Who waits may need
// another one. The caller holds the pool's mutex.
func (p *pool) part(m *member, why roster.Reason) (idle bool) {
	was := m.seat.Place()
	idle, first := p.table.Leave(m.seat, why)
	if !first {
		return false
	}
	if m.timer != nil {
		m.timer.Stop()
	}
	if idle {
		close(m.quiet)
	}
	if was == roster.Serving {
		p.farewell(m, why)
	}
	if was == roster.Serving || was == roster.Spare {
		p.grow()
		p.provision()
	}
	return idle
}

// farewell tells people and metrics of one that served.
func (p *pool) farewell(m *member, why roster.Reason) {
	p.d.cfg.Log.Info("instance leaves", "instance", m.inst.ID(), "function", p.name, "reason", why, "served", m.seat.Taken())
	switch why {
	case roster.Reaped:
		p.meter().Reaped(p.name)
	case roster.Evicted:
		p.meter().Evicted(p.name)
	}
}

// part is the pool's, for who does not hold its mutex.
func (m *member) part(why roster.Reason) (idle bool) {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	return m.pool.part(m, why)
}

// dismiss has a member leave, and ends it in the background: now, or with its last event.
func (p *pool) dismiss(m *member, why roster.Reason) {
	if p.part(m, why) {
		p.discard(m)
	}
}

// over notes that an event of a member, or its loan, is over; last says that nobody else will end it.
func (p *pool) over(m *member) (last bool) {
	if last = p.table.Release(m.seat); last {
		close(m.quiet)
	}
	return last
}

// discard ends a member that leaves and has nothing in flight, in the background.
func (p *pool) discard(m *member) {
	p.d.spawn(func(ctx context.Context) { p.d.end(ctx, m, m.seat.Why(), p.d.cfg.StopGrace) })
}
