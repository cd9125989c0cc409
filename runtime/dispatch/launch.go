package dispatch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/dispatch/roster"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// launch is one instance on its way into service.
type launch struct {
	p      *pool
	since  time.Time // when somebody first wanted it
	ahead  bool      // nobody does yet: an event is likely
	cancel context.CancelCauseFunc
}

var errCalledOff = errors.New("nobody waits for the instance any more")

// start launches one instance in the background; the caller holds p.mu.
func (p *pool) start(since time.Time) bool { return (&launch{p: p, since: since}).start() }

func (l *launch) start() bool {
	ok := l.p.d.spawn(func(ctx context.Context) {
		ctx, l.cancel = context.WithCancelCause(ctx)
		defer l.cancel(nil)
		l.run(ctx)
	})
	if ok {
		l.count(1)
	}
	return ok
}

// count notes that a launch is under way, or (-1) is no more; the caller holds the pool's mutex.
func (l *launch) count(n int) { l.p.table.Expect(n, l.ahead) }

func (l *launch) run(ctx context.Context) {
	m, phases, err := l.boot(ctx)
	if err == nil {
		l.joined(m, phases)
		return
	}
	if m != nil {
		l.p.d.end(context.WithoutCancel(ctx), m, roster.Failed, 0)
	}
	l.failed(err)
}

// boot makes an instance ready: room for it first, then a place among those being made, then the start itself.
func (l *launch) boot(ctx context.Context) (*member, spec.Phases, error) {
	p := l.p
	m, fn, staged := p.candidate()
	phases := spec.Phases{Cold: true}
	begin := time.Now()
	if err := l.admit(ctx, m); err != nil {
		return m, phases, err
	}
	phases.Evict = time.Since(begin)
	select {
	case p.d.boots <- struct{}{}:
		defer func() { <-p.d.boots }()
	case <-ctx.Done():
		return m, phases, context.Cause(ctx)
	}
	if dir, ok := p.snapshot(fn, m.inst.GPUs()); ok {
		return l.restore(ctx, m, fn, dir, staged, phases)
	}
	return m, phases, l.plain(ctx, m, fn, staged, &phases)
}

// candidate is a staged spare, or a new member.
func (p *pool) candidate() (m *member, fn spec.Function, staged bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.table.Unstage(); s != nil {
		return s.Of, s.Of.inst.Function(), true
	}
	return p.newMember(p.fn), p.fn, false
}

// admit gets room, and can be called off meanwhile.
func (l *launch) admit(ctx context.Context, m *member) error {
	l.optional(true)
	defer l.optional(false)
	long := time.AfterFunc(longStage/2, func() { m.inst.Tell(spec.StartStep{Phase: spec.PhaseRoom}) })
	defer long.Stop()
	return l.p.d.room.admit(ctx, m, l.since)
}

// optional says whether the launch may be called off when nobody needs it any more.
func (l *launch) optional(yes bool) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	p.admitting = slices.DeleteFunc(p.admitting, func(other *launch) bool { return other == l })
	if yes {
		p.admitting = append(p.admitting, l)
		p.callOff()
	}
}

// longStage is how long making an instance takes at most where its image is here. What takes longer brings the image first,
// for minutes maybe, and is not worth that when nobody waits any more.
const longStage = 2 * time.Second

// stage makes the instance, all but its process.
func (l *launch) stage(ctx context.Context, m *member) (time.Duration, error) {
	var mu sync.Mutex
	done := false
	long := time.AfterFunc(longStage, func() {
		mu.Lock()
		defer mu.Unlock()
		if !done {
			l.optional(true)
		}
	})
	defer func() {
		long.Stop()
		mu.Lock()
		defer mu.Unlock()
		done = true
		l.optional(false)
	}()
	return m.inst.Stage(ctx)
}

// callOff cancels starts that wait for room and that nobody needs any more.
func (p *pool) callOff() {
	need := (p.queue.Len() + p.fn.EventsAtOnce - 1) / p.fn.EventsAtOnce
	need = max(need, p.fn.MinInstances-p.table.Serving(), p.table.Ahead())
	for i := 0; i < len(p.admitting) && p.table.Starting()-i > need; i++ {
		p.admitting[len(p.admitting)-1-i].cancel(errCalledOff)
	}
}

// plain creates what is not staged yet, and starts it.
func (l *launch) plain(ctx context.Context, m *member, fn spec.Function, staged bool, ph *spec.Phases) (err error) {
	if !staged {
		if ph.Create, err = l.stage(ctx, m); err != nil {
			return err
		}
	}
	if ph.Start, ph.Init, err = m.inst.Start(ctx, l.since); err != nil {
		return err
	}
	took := ph.Create + ph.Start + ph.Init
	l.p.note("plain", took)
	if s := l.p.d.cfg.Snapshots; s != nil {
		s.Started(fn)
	}
	return nil
}

// restore starts from a snapshot; where that fails the plain way is taken at once, and whoever gave it is told.
func (l *launch) restore(ctx context.Context, m *member, fn spec.Function, dir string, staged bool, ph spec.Phases) (*member, spec.Phases, error) {
	p := l.p
	if staged {
		spare := m
		m = p.swap(spare, fn)
		p.returnSpare(spare)
	}
	var err error
	if ph.Restore, ph.Init, err = m.inst.Restore(ctx, dir, l.since); err == nil {
		ph.Snapshot = true
		p.note("snapshot", ph.Restore+ph.Init)
		p.d.cfg.Snapshots.Restored(fn)
		return m, ph, nil
	}
	if ctx.Err() != nil {
		return m, ph, context.Cause(ctx)
	}
	p.d.cfg.Log.Warn("snapshot did not restore, starting plainly", "function", fn.Name, "error", err)
	p.d.cfg.Snapshots.Failed(fn, err)
	failed := m
	m = p.swap(failed, fn)
	p.d.end(context.WithoutCancel(ctx), failed, roster.Failed, 0)
	return m, ph, l.plain(ctx, m, fn, false, &ph)
}

// swap makes a new member that takes over another's room.
func (p *pool) swap(old *member, fn spec.Function) *member {
	m := p.newMember(fn)
	m.inst.Give(old.inst.GPUs())
	p.d.room.move(old, m)
	return m
}

func (p *pool) returnSpare(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired != nil || p.table.Spares() >= p.fn.StagedSpares {
		p.dismiss(m, roster.Surplus)
		return
	}
	p.table.Keep(m.seat)
}

// joined puts a started member into service.
func (l *launch) joined(m *member, phases spec.Phases) {
	p := l.p
	p.rec.coldStarts.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	l.count(-1)
	p.settled()
	if p.retired != nil || p.table.Serving() >= p.fn.MaxInstances() { // which may have become less meanwhile
		p.dismiss(m, roster.Surplus)
		return
	}
	m.fresh, m.joined = &phases, time.Now()
	m.inst.Keep()
	p.table.Join(m.seat)
	m.touched.Store(true)
	p.offer(m)
	m.fresh = nil // nobody was waiting: the next one finds it warm
	p.provision()
	if m.inst.Ended() { // before it served, when its end is looked for
		p.gone(m)
	}
}

// backoffs between starts that nobody asked for and that failed.
const (
	leastBackoff = time.Second
	mostBackoff  = time.Minute
)

// failed notes that a start came to nothing. Who waits hears why, unless another instance serves or is on its way.
func (l *launch) failed(err error) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	l.count(-1)
	p.settled()
	if errors.Is(err, errCalledOff) || p.retired != nil {
		p.grow()
		p.provision()
		return
	}
	p.meter().StartFailed(p.name)
	p.d.cfg.Log.Error("instance did not start", "function", p.name, "version", p.fn.Version, "error", err)
	if p.table.Instances() == 0 {
		p.fail(err)
	}
	p.later()
}

// later provisions again after a pause that doubles from one failure to the next.
func (p *pool) later() {
	if p.paused || (p.fn.MinInstances == 0 && p.fn.StagedSpares == 0) {
		return
	}
	p.paused, p.backoff = true, min(max(2*p.backoff, leastBackoff), mostBackoff)
	p.d.after(p.backoff, func(context.Context) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.paused = false
		p.provision()
	})
}

// stage makes one spare in the background; the caller holds p.mu.
func (p *pool) stage() bool {
	ok := p.d.spawn(p.staged)
	if ok {
		p.table.ExpectSpare(1)
	}
	return ok
}

func (p *pool) staged(ctx context.Context) {
	p.mu.Lock()
	m := p.newMember(p.fn)
	p.mu.Unlock()
	err := p.d.room.choose(m)
	if err == nil {
		_, err = m.inst.Stage(ctx)
	}
	p.mu.Lock()
	p.table.ExpectSpare(-1)
	keep := err == nil && p.retired == nil
	if keep {
		p.table.Keep(m.seat)
	} else if err != nil && ctx.Err() == nil {
		p.d.cfg.Log.Error("spare not staged", "function", p.name, "error", err)
		p.later()
	}
	p.mu.Unlock()
	if !keep {
		p.d.end(context.WithoutCancel(ctx), m, roster.Failed, 0)
	}
}
