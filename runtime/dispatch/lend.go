package dispatch

import (
	"context"
	"time"

	"github.com/videosdgx/videosdgx/runtime/dispatch/roster"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Lend starts an instance of fn that serves nobody, from the checkpoint in dir or plainly with "", gives it to use once
// it is ready, and removes it. It is how a snapshot is made and proven without disturbing those that serve. A restore
// counts among the measured ones, so that the first choice between the ways of starting has both.
func (d *Dispatcher) Lend(ctx context.Context, fn spec.Function, dir string, use func(context.Context, *instance.Instance) error) error {
	p, err := d.pool(ctx, fn)
	if err != nil {
		return err
	}
	m := p.newLent(fn)
	defer d.giveBack(context.WithoutCancel(ctx), m)
	begin := time.Now()
	if err := d.room.admit(ctx, m, begin); err != nil {
		return err
	}
	if dir == "" {
		err = m.plainly(ctx, begin)
	} else {
		var restore, init time.Duration
		if restore, init, err = m.inst.Restore(ctx, dir, begin); err == nil {
			p.note("snapshot", restore+init)
		}
	}
	if err != nil {
		return err
	}
	return use(ctx, m.inst)
}

// giveBack ends a member that was lent.
func (d *Dispatcher) giveBack(ctx context.Context, m *member) {
	m.part(roster.Returned)
	m.pool.mu.Lock()
	m.pool.over(m)
	m.pool.mu.Unlock()
	d.end(ctx, m, roster.Returned, 0)
}

func (m *member) plainly(ctx context.Context, since time.Time) error {
	if _, err := m.inst.Stage(ctx); err != nil {
		return err
	}
	_, _, err := m.inst.Start(ctx, since)
	return err
}
