package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Dispatcher answers invocations. Between New and Start it may not be used; it needs Stop.
type Dispatcher struct {
	cfg   Config
	room  *room
	boots chan struct{} // a place for each instance being made

	mu        sync.RWMutex
	pools     map[key]*pool
	histories map[string]*history // by function
	stopped   bool                // no pool may be made any more

	members   sync.Map    // instance ID → *member
	recovered atomic.Bool // what an earlier control plane left has been taken over: there may be new instances

	life    sync.Mutex // guards closing against spawn
	closing bool
	base    context.Context //nolint:containedctx // the service's own lifetime, ended by Stop
	cancel  context.CancelCauseFunc
	work    sync.WaitGroup
	halt    sync.Once
}

// key names one version.
type key struct{ name, version string }

var _ spec.Invoker = (*Dispatcher)(nil)

var errStopping = fmt.Errorf("the runtime is stopping; ask again when it runs: %w", errdefs.ErrUnavailable)

// New makes a Dispatcher; nothing runs before Start.
func New(cfg Config) (*Dispatcher, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	d := &Dispatcher{
		cfg: cfg, boots: make(chan struct{}, cfg.Boots),
		pools: map[key]*pool{}, histories: map[string]*history{},
	}
	d.room = newRoom(d)
	d.base, d.cancel = context.WithCancelCause(context.Background())
	return d, nil
}

// Invoke answers one invocation; see spec.Invoker. An instance that turns out dead before it got the event costs one
// retry, never two.
func (d *Dispatcher) Invoke(ctx context.Context, inv spec.Invocation) (*spec.Result, error) {
	begin := time.Now()
	retried := false
	for {
		p, err := d.resolve(ctx, &inv)
		if err != nil {
			return nil, err
		}
		g, err := p.acquire(ctx, &inv, begin)
		if errors.Is(err, errRetired) {
			continue
		}
		if err != nil {
			p.rec.failed()
			p.meter().Invoked(inv.Function, outcome(err), spec.Phases{}, time.Since(begin))
			return nil, err
		}
		res, err := d.deliver(ctx, p, g, &inv, begin)
		var lost *instance.NotDelivered
		if errors.As(err, &lost) && !retried {
			retried = true
			continue
		}
		return res, err
	}
}

// resolve finds the pool of the version that is meant. A weighted alias draws: whoever has drawn before says what came.
func (d *Dispatcher) resolve(ctx context.Context, inv *spec.Invocation) (*pool, error) {
	fn, err := d.cfg.Functions.Get(ctx, inv.Function, cmp.Or(inv.Version, inv.Qualifier))
	if err != nil {
		return nil, err
	}
	return d.pool(ctx, fn)
}

// deliver gives the event to the instance that was granted, and frees it when the answer has ended.
func (d *Dispatcher) deliver(ctx context.Context, p *pool, g grant, inv *spec.Invocation, begin time.Time) (*spec.Result, error) {
	var res *spec.Result
	over := func(replace bool) {
		g.m.pool.release(g.m, replace)
		if res != nil {
			d.ended(p, inv, res, begin)
		}
	}
	r, err := g.m.inst.Invoke(ctx, inv, over)
	if err != nil {
		p.rec.failed()
		p.meter().Invoked(inv.Function, outcome(err), g.phases, time.Since(begin))
		return nil, err
	}
	r.Phases = g.phases
	res = r
	if r.Body != nil && r.FunctionError == "Unhandled" && r.Trailer().FunctionError != "" {
		d.ended(p, inv, r, begin) // it died: over has been called already
	}
	return r, nil
}

func (d *Dispatcher) ended(p *pool, inv *spec.Invocation, r *spec.Result, begin time.Time) {
	t, phases, result := r.Trailer(), r.Phases, "ok"
	if r.FunctionError != "" || t.FunctionError != "" {
		result = "function_error"
		p.rec.errors.Add(1)
	}
	p.rec.invocations.Add(1)
	phases.Run = t.Run
	p.rec.ran(t.Run)
	p.meter().Invoked(inv.Function, result, phases, time.Since(begin))
}

// outcome is an error's class in a word, for metrics.
func outcome(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	case errdefs.IsResourceExhausted(err):
		return "refused"
	default:
		return "failed"
	}
}

// pool gives the pool of a version, making it if need be. The registry has the last word on what the version is, so that
// an invocation that was resolved before a change cannot bring the old one back.
func (d *Dispatcher) pool(ctx context.Context, fn spec.Function) (*pool, error) {
	k := key{fn.Name, fn.Version}
	d.mu.RLock()
	p := d.pools[k]
	d.mu.RUnlock()
	if p != nil && p.digest == fn.Digest {
		return p, nil
	}
	return d.reconcile(ctx, k)
}

// spawn runs f in a goroutine that Stop waits for; false once the dispatcher is stopping.
func (d *Dispatcher) spawn(f func(ctx context.Context)) bool {
	d.life.Lock()
	defer d.life.Unlock()
	if d.closing {
		return false
	}
	d.work.Go(func() { f(d.base) })
	return true
}

// after runs f like spawn once the time has passed.
func (d *Dispatcher) after(wait time.Duration, f func(ctx context.Context)) {
	time.AfterFunc(wait, func() { d.spawn(f) })
}
