package main

import (
	"context"
	"errors"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

var ping = []byte(`{"ping":true}`)

// place is where a model can be while nobody calls.
type place struct {
	name  string
	held  []float64 // MB, at every visit
	next  *harness.Samples
	visit func(ctx context.Context) error
}

// places deploys a function for each.
func (b *bench) places(ctx context.Context) ([]*place, error) {
	idle, err := b.stays(ctx, "idle", map[string]any{})
	if err != nil {
		return nil, err
	}
	all := []*place{idle}
	driver, err := b.server.Driver(ctx)
	if err != nil {
		return nil, err
	}
	if driver == "process" {
		b.report.Note("frozen: left out, plain processes are not frozen")
	} else {
		frozen, err := b.stays(ctx, "frozen", map[string]any{"freezeIdle": true})
		if err != nil {
			return nil, err
		}
		all = append(all, frozen)
	}
	states, err := b.server.States(ctx, b.report)
	if err != nil {
		return nil, err
	}
	for _, state := range states {
		p, err := b.goes(ctx, state, driver)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// stays is an instance that has started and waits.
func (b *bench) stays(ctx context.Context, name string, set map[string]any) (*place, error) {
	fn := "zero-" + name
	if err := b.server.DeployModel(ctx, fn, b.function, b.bundle, set); err != nil {
		return nil, err
	}
	c, p := b.server.FunctionURL(fn, 1), &place{name: name, next: harness.NewSamples()}
	if _, err := c.Call(ctx, ping); err != nil {
		return nil, err
	}
	p.visit = func(ctx context.Context) error {
		if err := rest(ctx); err != nil { // what waits longest is coldest
			return err
		}
		if err := p.weigh(ctx, b.server, fn); err != nil {
			return err
		}
		took, err := c.Call(ctx, ping)
		if err != nil {
			return err
		}
		p.next.Add(took)
		// another instance for the next visit: one that is weighed ten times says nothing of others
		if err := b.server.ToZero(ctx, fn, harness.Absent); err != nil {
			return err
		}
		_, err = c.Call(ctx, ping)
		return err
	}
	return p, nil
}

// goes is a function that has been scaled to zero.
func (b *bench) goes(ctx context.Context, state harness.State, driver string) (*place, error) {
	fn := "zero-" + string(state)
	if err := b.server.DeployModel(ctx, fn, b.function, b.bundle, state.Set()); err != nil {
		return nil, err
	}
	first, err := b.server.FirstByte(ctx, fn, state, ping)
	if err != nil {
		return nil, err
	}
	if err := b.server.ToZero(ctx, fn, state); err != nil {
		return nil, err
	}
	p := &place{name: string(state), next: first.Samples}
	p.visit = func(ctx context.Context) error {
		if state != harness.Staged || driver != "process" { // a staged plain process is none
			if err := p.weigh(ctx, b.server, fn); err != nil {
				return err
			}
		}
		return first.Once(ctx)
	}
	return p, nil
}

// weigh adds up what the function's processes hold just now, shims included.
func (p *place) weigh(ctx context.Context, s *harness.Server, fn string) error {
	all, err := s.Instances(ctx, fn)
	if err != nil {
		return err
	}
	ids := make([]string, len(all))
	for i, x := range all {
		ids[i] = x.ID
	}
	n, err := harness.PSS(ids...)
	p.held = append(p.held, float64(n)/1e6)
	return err
}

func (p *place) report(r *harness.Report) {
	r.Quantiles(p.name+"_next_call", p.next)
	if p.held != nil {
		r.Observe(p.name+"_held_mb", p.held)
	}
}

// rest is longer than it takes until what idles is frozen.
func rest(ctx context.Context) error {
	select {
	case <-time.After(800 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return errors.Join(errors.New("interrupted at rest"), context.Cause(ctx))
	}
}
