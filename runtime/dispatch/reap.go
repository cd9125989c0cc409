package dispatch

import (
	"cmp"
	"context"
	"time"

	"github.com/videosdgx/videosdgx/runtime/dispatch/roster"
	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// rest notes that a member has nothing to do: its time begins to run. The timer is armed at most once for many events,
// and looks at idleFrom when it fires. The caller holds the pool's mutex.
func (m *member) rest() {
	p := m.pool
	m.idleFrom = time.Now()
	m.touched.Store(true)
	p.d.room.tell()
	if p.fn.FreezeIdle {
		m.inst.Doze()
		p.d.after(breath, m.freeze)
	}
	if m.armed {
		return
	}
	m.armed = true
	keep := p.window().Keep
	if m.timer == nil {
		m.timer = time.AfterFunc(keep, func() { p.d.spawn(m.due) })
	} else {
		m.timer.Reset(keep)
	}
}

// breath is how long a member rests before it is frozen: a function lets go of what only its start has needed once it is idle, and one
// whose next event follows at once would be thawed for it.
const breath = 500 * time.Millisecond

// freezeTime bounds a freeze: a process that waits for a disk cannot be frozen, and the next event would wait for it.
const freezeTime = 5 * time.Second

func (m *member) freeze(ctx context.Context) {
	if !m.rested(breath) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, freezeTime)
	defer cancel()
	if err := m.inst.Freeze(ctx); err != nil {
		m.pool.d.cfg.Log.Warn("idle instance not frozen", "instance", m.inst.ID(), "error", err)
	}
}

// rested says whether a member has had nothing to do for so long.
func (m *member) rested(d time.Duration) bool {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	return m.seat.Serves() && m.seat.Idle() && time.Since(m.idleFrom) >= d
}

// due looks whether a member's time has really come.
func (m *member) due(context.Context) {
	p := m.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	m.armed = false
	if !m.seat.Serves() || !m.seat.Idle() {
		return
	}
	w := p.window()
	left := time.Until(m.idleFrom.Add(w.Keep))
	if p.table.Serving() <= p.fn.MinInstances {
		left = max(left, w.Keep, time.Second)
	}
	if left > 0 {
		m.armed = true
		m.timer.Reset(left)
		return
	}
	p.reap(m, w)
}

// reap gives an idle member up, and may plan for another one before the next event is likely.
func (p *pool) reap(m *member, w placement.Window) {
	p.backoff = 0 // it lived well
	p.dismiss(m, roster.Reaped)
	if w.Prewarm > 0 && p.table.Serving() == 0 {
		last := p.idleFrom
		if wait := time.Until(last.Add(w.Prewarm)); wait > 0 {
			p.d.after(wait, func(context.Context) { p.prewarm(last) })
		}
	}
}

// prewarm starts one instance for an event that is likely to come, unless one has come since the forecast was made.
func (p *pool) prewarm(last time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired == nil && p.table.Instances() == 0 && p.idleFrom.Equal(last) {
		(&launch{p: p, since: time.Now(), ahead: true}).start()
	}
}

// window is how long an idle member is kept now. What the manifest says wins.
func (p *pool) window() placement.Window {
	if keep := p.fn.KeepAlive.D(); keep > 0 {
		return placement.Window{Keep: keep}
	}
	w := p.rec.window(p.d.cfg.Terms, p.starts.cold(), p.size())
	if w.Prewarm > 0 && time.Since(p.idleFrom) >= w.Prewarm {
		return placement.Window{Keep: max(time.Until(p.idleFrom.Add(w.Until)), time.Second)} // pre-warmed: until the window closes
	}
	return w
}

// size is what one instance holds of the machine's memory, as far as is known.
func (p *pool) size() spec.Bytes {
	return placement.Footprint(&p.fn, nil, p.measured)[placement.System] + cmp.Or(p.measured.Device, p.fn.DeviceMemory)
}
