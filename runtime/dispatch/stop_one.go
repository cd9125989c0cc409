package dispatch

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
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
	d.end(ctx, m, d.cfg.StopGrace)
	return nil
}

// withdraw takes a member out of service; idle says that nothing is in flight in it, so that the caller may end it.
func (p *pool) withdraw(m *member) (idle bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.spares, m); i >= 0 {
		p.spares = slices.Delete(p.spares, i, i+1)
		p.provision()
		return true, nil
	}
	if _, ok := p.ready[m]; !ok {
		return false, fmt.Errorf("instance %s is starting or ending, try again in a moment: %w", m.inst.ID(), errdefs.ErrUnavailable)
	}
	p.drop(m)
	if m.timer != nil {
		m.timer.Stop()
	}
	return m.slots == m.most, nil
}
