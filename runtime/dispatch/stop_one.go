package dispatch

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/dispatch/roster"
)

// StopInstance ends one instance and waits until it is gone. One that answers something takes no further event and ends
// after it, for which nobody waits here; one that is just starting is refused.
func (d *Dispatcher) StopInstance(ctx context.Context, id string) error {
	v, ok := d.members.Load(id)
	if !ok {
		return fmt.Errorf("there is no instance %q: %w", id, errdefs.ErrNotFound)
	}
	m := v.(*member)
	idle, err := m.pool.withdraw(m)
	if err != nil || !idle {
		return err
	}
	d.end(ctx, m, roster.Asked, d.cfg.StopGrace)
	return nil
}

// withdraw takes a member out of service; idle says that nothing is in flight in it, so that the caller may end it.
func (p *pool) withdraw(m *member) (idle bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := m.seat.Place(); at != roster.Serving && at != roster.Spare {
		return false, fmt.Errorf("instance %s is starting or ending, try again in a moment: %w", m.inst.ID(), errdefs.ErrUnavailable)
	}
	return p.part(m, roster.Asked), nil
}
