package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// headroom is the factor by which an instance's room exceeds the most memory that was seen in use by one.
const headroom = 1.25

// measure looks now and then at the memory of instances that were used since the last look.
func (d *Dispatcher) measure(ctx context.Context) {
	tick := time.NewTicker(d.cfg.Sample)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			onDevices := sync.OnceValue(d.onDevices)
			d.members.Range(func(_, v any) bool {
				m := v.(*member)
				m.sample(ctx, onDevices)
				if err := trim(d.logFile(m.pool.name, m.inst.ID()), mostLog, keptLog); err != nil {
					d.cfg.Log.Warn("long log not cut", "instance", m.inst.ID(), "error", err)
				}
				return ctx.Err() == nil
			})
		case <-ctx.Done():
			return
		}
	}
}

// onDevices is what processes hold on GPUs now.
func (d *Dispatcher) onDevices() map[int]placement.Demand {
	if d.cfg.Devices == nil {
		return nil
	}
	return d.cfg.Devices()
}

// sample reads the memory that a member uses. What counts for its function is anonymous memory: file pages are shared,
// or can be dropped; and what its processes hold on a GPU.
func (m *member) sample(ctx context.Context, onDevices func() map[int]placement.Demand) {
	p := m.pool
	p.mu.Lock()
	serves, busy := m.seat.Serves(), !m.seat.Idle()
	done := m.seat.Taken() > int64(m.seat.InFlight())
	p.mu.Unlock()
	if !serves || !(m.touched.Swap(busy) || busy) {
		return
	}
	u, err := m.inst.Box().Usage(ctx)
	if err != nil {
		return // it is ending: its exit is told elsewhere
	}
	m.memory.Store(int64(max(u.RSS, u.Anon)))
	most := m.sampleDevices(onDevices)
	p.mu.Lock()
	p.seen = max(p.seen, u.Anon, min(spec.Bytes(float64(u.Anon)*headroom), p.fn.Limits.Memory), 1)
	p.onDevice = max(p.onDevice, most, min(spec.Bytes(float64(most)*headroom), p.fn.DeviceMemory))
	if done { // one that still works on its first event may take far more yet
		p.measured = placement.Measured{System: p.seen, Device: p.onDevice}
	}
	p.mu.Unlock()
	p.d.room.settle(m)
}

// sampleDevices notes what a member's processes hold on all its GPUs, and gives what they hold on the one where it is most.
func (m *member) sampleDevices(onDevices func() map[int]placement.Demand) (most spec.Bytes) {
	l, ok := m.inst.Box().(instance.Lister)
	if !ok || len(m.inst.GPUs()) == 0 {
		return 0
	}
	pids, err := l.Processes()
	if err != nil {
		return 0 // as above
	}
	by, total := placement.Demand{}, spec.Bytes(0)
	for _, pid := range pids {
		for pool, n := range onDevices()[pid] {
			by[pool] += n
			total += n
		}
	}
	m.device.Store(int64(total))
	for _, n := range by {
		most = max(most, n)
	}
	return most
}

// settle sets a member's room to what its function is known to need by now, and its worth to how it has been used.
func (r *room) settle(m *member) {
	if r.d.cfg.Pools == nil {
		return
	}
	demand := r.demand(m)
	p := m.pool
	p.mu.Lock()
	uses, cold, size := m.seat.Taken(), p.starts.cold(), p.size()
	p.mu.Unlock()
	r.books.Lock()
	if h := r.held[m]; h != nil {
		h.demand, h.settled = demand, true
		h.priority = r.clock.Priority(uses, cold, 0, size)
	}
	r.books.Unlock()
	r.tell()
}

// grant gives a member room without asking whether there is any.
func (r *room) grant(m *member) {
	demand := placement.Demand{}
	if r.d.cfg.Pools != nil {
		demand = r.demand(m)
	}
	r.books.Lock()
	r.held[m] = &holding{demand: demand, settled: true}
	r.books.Unlock()
}
