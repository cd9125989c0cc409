package dispatch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/instance"
)

// adoptTime is how long an instance of an earlier control plane may take to answer: it may have to let go of an event
// whose caller is gone.
const adoptTime = 5 * time.Second

// Start takes over what an earlier control plane left, removes what cannot be taken over, and provides what manifests
// ask to be kept warm. Instances of other owners are left alone.
func (d *Dispatcher) Start(ctx context.Context) error {
	boxes, err := d.cfg.Sandbox.List(ctx)
	if err != nil {
		return fmt.Errorf("find instances of an earlier run: %w", err)
	}
	var work sync.WaitGroup
	for _, b := range boxes {
		if b.Labels()[labelOwner] == d.cfg.Owner {
			work.Go(func() { d.recover(ctx, b) })
		}
	}
	work.Wait()
	d.sweep()
	d.recovered.Store(true)
	d.spawn(d.measure)
	return d.provide(ctx)
}

// recover adopts a box, or removes it.
func (d *Dispatcher) recover(ctx context.Context, b instance.Box) {
	err := d.adopt(ctx, b)
	if err == nil {
		d.cfg.Log.Info("instance adopted", "instance", b.ID(), "function", b.Labels()[labelFunction])
		return
	}
	d.cfg.Log.Info("instance of an earlier run removed", "instance", b.ID(), "reason", err)
	if err := b.Remove(ctx); err != nil {
		d.cfg.Log.Error("instance of an earlier run not removed", "instance", b.ID(), "error", err)
	}
}

func (d *Dispatcher) adopt(ctx context.Context, b instance.Box) error {
	l := b.Labels()
	fn, err := d.cfg.Functions.Get(ctx, l[labelFunction], l[labelVersion])
	if err != nil {
		return err
	}
	if fn.Digest != l[labelDigest] {
		return fmt.Errorf("it runs an earlier version of %s", fn.Name)
	}
	if err := running(ctx, b); err != nil {
		return err
	}
	p, err := d.pool(ctx, fn)
	if err != nil {
		return err
	}
	m := p.member(d.config(fn, b.ID()))
	ctx, cancel := context.WithTimeout(ctx, adoptTime)
	defer cancel()
	if err := m.inst.Adopt(ctx, b); err != nil {
		m.inst.Stop(context.WithoutCancel(ctx), 0)
		return err
	}
	if !p.adopted(m) {
		m.inst.Stop(context.WithoutCancel(ctx), 0)
		return fmt.Errorf("%s has as many instances as its concurrency allows", fn.Name)
	}
	return nil
}

// running says whether a box has an init to talk to; a staged one has not, and is cheap to make again.
func running(ctx context.Context, b instance.Box) error {
	select {
	case <-b.Exited():
		return fmt.Errorf("it has ended with status %d", b.Exit().Code)
	default:
	}
	conn, err := b.Dial(ctx)
	if err != nil {
		return fmt.Errorf("its init does not answer: %w", err)
	}
	return conn.Close()
}

// adopted puts a member into service that runs already; its room is what it has, whether it would be given or not.
// false: the function has as many as it may.
func (p *pool) adopted(m *member) bool {
	p.d.room.grant(m)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.table.Instances() >= p.fn.MaxInstances() {
		p.d.room.free(m)
		return false
	}
	p.d.members.Store(m.inst.ID(), m)
	m.inst.Keep()
	p.table.Join(m.seat)
	p.offer(m)
	if m.inst.Ended() { // before its end was looked for
		p.gone(m)
	}
	return true
}

// sweep removes instances' folders that no instance has any more.
func (d *Dispatcher) sweep() {
	entries, err := os.ReadDir(d.cfg.RunDir)
	if err != nil {
		return // there is none yet
	}
	for _, e := range entries {
		if _, ok := d.members.Load(e.Name()); ok || !e.IsDir() {
			continue
		}
		if err := os.RemoveAll(filepath.Join(d.cfg.RunDir, e.Name())); err != nil {
			d.cfg.Log.Error("folder of an earlier instance not removed", "folder", e.Name(), "error", err)
		}
	}
}

// provide makes the pools of functions that are to be kept warm.
func (d *Dispatcher) provide(ctx context.Context) error {
	all, err := d.cfg.Functions.List(ctx)
	for _, latest := range all {
		for _, fn := range d.provided(ctx, latest.Name) {
			p, err := d.pool(ctx, fn)
			if err != nil {
				d.cfg.Log.Error("function not provided", "function", fn.Name, "version", fn.Version, "error", err)
				continue
			}
			p.mu.Lock()
			p.provision() // the pool may be there already, with what was adopted
			p.mu.Unlock()
		}
	}
	return err
}
