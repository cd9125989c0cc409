package dispatch

import (
	"context"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/dispatch/roster"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Instances lists every instance that serves or may serve, by function and then by age. One that is lent to make a
// snapshot is not among them: nobody may stop it, and it goes by itself.
func (d *Dispatcher) Instances(context.Context) ([]spec.InstanceStatus, error) {
	all := []spec.InstanceStatus{}
	d.members.Range(func(_, v any) bool {
		if m := v.(*member); !m.lent {
			all = append(all, m.status())
		}
		return true
	})
	slices.SortFunc(all, func(a, b spec.InstanceStatus) int {
		if c := strings.Compare(a.Function, b.Function); c != 0 {
			return c
		}
		if c := a.Started.Compare(b.Started); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

func (m *member) status() spec.InstanceStatus {
	s := m.inst.Status()
	s.Memory, s.Device, s.GPUs = spec.Bytes(m.memory.Load()), spec.Bytes(m.device.Load()), m.inst.GPUs()
	p := m.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	s.InFlight = m.seat.InFlight()
	s.Served = m.seat.Taken() - int64(s.InFlight)
	if s.State == spec.Idle {
		m.posture(&s)
	}
	return s
}

// posture is what an instance that is up does: it waits until it expires, is busy, or takes no further event.
func (m *member) posture(s *spec.InstanceStatus) {
	switch {
	case m.seat.Place() == roster.Leaving:
		s.State = spec.Draining
	case s.InFlight > 0:
		s.State, s.Since = spec.Busy, m.busyFrom
	case m.seat.Serves() && !m.idleFrom.IsZero():
		s.Since = m.idleFrom
		s.Expires = m.idleFrom.Add(m.pool.window().Keep)
	}
}

// Status says what has been measured of a function; the starts are those of $LATEST.
func (d *Dispatcher) Status(ctx context.Context, function string) (spec.FunctionStatus, error) {
	fn, err := d.cfg.Functions.Get(ctx, function, "")
	if err != nil {
		return spec.FunctionStatus{}, err
	}
	s := spec.FunctionStatus{Function: fn, KeepAlive: fn.KeepAlive.D(), Fault: d.cfg.Functions.Mistake(function)}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if r := d.histories[function]; r != nil {
		s.Invocations, s.Errors, s.ColdStarts = r.invocations.Load(), r.errors.Load(), r.coldStarts.Load()
	}
	for k, p := range d.pools {
		if k.name == function {
			p.describe(&s)
		}
	}
	if s.KeepAlive == 0 {
		s.KeepAlive = d.cfg.Terms.Fixed
	}
	return s, nil
}

func (p *pool) describe(s *spec.FunctionStatus) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Instances += p.table.Serving()
	s.Queued += p.queue.Len()
	if p.fn.Version != "$LATEST" {
		return
	}
	s.PlainStart, s.Restore = p.starts.plain.median(), p.starts.restore.median()
	s.KeepAlive = p.window().Keep
	s.Chosen = "plain"
	if s.Restore > 0 {
		s.Chosen = p.starts.choice(&p.fn)
	}
}
