package dispatch

import (
	"context"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/dispatch/roster"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Changed tells that a function has been made, changed or deleted. What runs of an earlier version finishes what it has
// and goes; invocations in the queue go to the new one.
func (d *Dispatcher) Changed(name string) {
	for _, k := range d.using(name) {
		if _, err := d.reconcile(d.base, k); err != nil && !errdefs.IsNotFound(err) {
			d.cfg.Log.Error("change not taken over", "function", name, "version", k.version, "error", err)
		}
	}
	d.forget(name)
}

// forget drops what is known of a function that is not there any more.
func (d *Dispatcher) forget(name string) {
	if _, err := d.cfg.Functions.Versions(d.base, name); !errdefs.IsNotFound(err) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for k := range d.pools {
		if k.name == name {
			return // it has been made again meanwhile
		}
	}
	if r := d.histories[name]; r != nil {
		r.gone.Store(true)
		delete(d.histories, name)
		d.cfg.Meter.Forget(name)
	}
}

// using lists the versions of a function that have a pool, or are to have one without being asked for.
func (d *Dispatcher) using(name string) []key {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var keys []key
	for k := range d.pools {
		if k.name == name {
			keys = append(keys, k)
		}
	}
	for _, fn := range d.provided(d.base, name) {
		if k := (key{name, fn.Version}); d.pools[k] == nil {
			keys = append(keys, k)
		}
	}
	return keys
}

// provided lists the versions of a function that have instances without being asked for: $LATEST as its manifest says,
// published ones by minInstances, which publishing leaves at 0 and only provisioned concurrency sets.
func (d *Dispatcher) provided(ctx context.Context, name string) []spec.Function {
	var all []spec.Function
	if fn, err := d.cfg.Functions.Get(ctx, name, "$LATEST"); err == nil && (fn.MinInstances > 0 || fn.StagedSpares > 0) {
		all = append(all, fn)
	}
	versions, _ := d.cfg.Functions.Versions(ctx, name) // one that is not there any more has none
	for _, fn := range versions {
		if fn.Version != "$LATEST" && fn.MinInstances > 0 {
			all = append(all, fn)
		}
	}
	return all
}

// reconcile makes a version's pool what the registry says now, and returns it.
func (d *Dispatcher) reconcile(ctx context.Context, k key) (*pool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fn, err := d.cfg.Functions.Get(ctx, k.name, k.version)
	p := d.pools[k]
	if p != nil && (err != nil || p.digest != fn.Digest) {
		delete(d.pools, k)
		p.retire(errRetired, roster.Retired)
		p = nil
	}
	if err != nil {
		return nil, err
	}
	if d.stopped {
		return nil, errStopping
	}
	if p == nil {
		p = newPool(d, fn, d.history(k.name))
		d.pools[k] = p
	}
	p.update(fn)
	return p, nil
}

// update takes over fields that change no instance.
func (p *pool) update(fn spec.Function) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fn = fn
	p.shrink()
	if fn.MaxInstances() == 0 {
		p.fail(p.throttled())
	}
	for s := range p.table.All() {
		if m := s.Of; m.armed && s.Idle() {
			m.timer.Reset(0) // its time may have become shorter
		}
	}
	p.grow()
	p.provision()
}

// shrink takes instances out of service that are more than the function may have by now: idle ones first, and busy ones
// end with what they have.
func (p *pool) shrink() {
	for _, idle := range []bool{true, false} {
		for s := range p.table.All() {
			if p.table.Serving() <= p.fn.MaxInstances() {
				return
			}
			if s.Idle() == idle {
				p.dismiss(s.Of, roster.Surplus)
			}
		}
	}
}

// retire ends a pool: waiters get the reason, what is idle goes, what is busy goes when it is done.
func (p *pool) retire(err error, why roster.Reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = err
	p.fail(err)
	for _, l := range p.admitting {
		l.cancel(errCalledOff)
	}
	for s := range p.table.All() {
		p.dismiss(s.Of, why)
	}
	for s := range p.table.Staged() {
		p.dismiss(s.Of, why)
	}
}
