package instance

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Instance is one instance of a function from its making to its removal. Safe for concurrent use: one goroutine owns its
// state, and every method asks that goroutine. It ends with Stop, which every Instance needs.
type Instance struct {
	cfg    Config
	sb     Sandbox
	log    *slog.Logger
	box    Box           // set once, before the instance is staged
	onExit func(Exit)    // told once when the processes end by themselves
	asks   chan ask      // to the owner
	done   chan struct{} // closed when the owner has ended
	last   atomic.Pointer[life]
	stop   sync.Once
	gone   chan struct{} // closed when Stop has removed everything
}

// life is what the owner knows.
type life struct {
	id       string
	state    spec.State
	since    time.Time
	started  time.Time
	served   int64
	inFlight int
	by       string // "plain" or "snapshot"
	cold     time.Duration
	frozen   bool
	exit     *Exit
	exited   <-chan struct{} // the box's; nil while there is none
	quiet    chan struct{}   // closed when draining and nothing is in flight; nil unless draining
	ended    bool
}

type ask struct {
	f     func(*life) error
	reply chan error
}

// New makes an absent instance. onExit (may be nil) is called once if its processes end without Stop; it runs in a
// goroutine of its own.
func New(cfg Config, sb Sandbox, log *slog.Logger, onExit func(Exit)) *Instance {
	i := &Instance{
		cfg: cfg, sb: sb, log: log, onExit: onExit,
		asks: make(chan ask), done: make(chan struct{}), gone: make(chan struct{}),
	}
	go i.own(life{id: cfg.ID, state: spec.Absent, since: time.Now()})
	return i
}

// own is the goroutine that owns the state.
func (i *Instance) own(l life) {
	defer close(i.done)
	for !l.ended {
		select {
		case a := <-i.asks:
			a.reply <- a.f(&l)
		case <-l.exited:
			i.died(&l)
		}
	}
	i.last.Store(&l)
}

// do has the owner run f; ErrGone once the instance has ended.
func (i *Instance) do(f func(*life) error) error {
	reply := make(chan error, 1)
	select {
	case i.asks <- ask{f, reply}:
		return <-reply
	case <-i.done:
		return ErrGone
	}
}

// died notes that no process is left. The state goes to stopped at once; what is left is removed by Stop.
func (i *Instance) died(l *life) {
	e := i.box.Exit()
	l.exit, l.exited = &e, nil
	wanted := l.state == spec.Draining || l.state == spec.Stopped
	if l.state != spec.Stopped {
		_ = l.to(spec.Stopped)
	}
	if i.onExit != nil && !wanted {
		go i.onExit(e)
	}
}

// to takes one step of the chart.
func (l *life) to(s spec.State) error {
	if !may(l.state, s) {
		return &TransitionError{ID: l.id, From: l.state, To: s}
	}
	l.state, l.since = s, time.Now()
	return nil
}

// ID is the instance's name on this machine.
func (i *Instance) ID() string { return i.cfg.ID }

// Function is the version that it runs.
func (i *Instance) Function() spec.Function { return i.cfg.Function }

// Box is the driver's handle; nil before it is staged.
func (i *Instance) Box() Box { return i.box }

// Log is the host file that holds what it logged.
func (i *Instance) Log() string { return i.cfg.Log }

// Status says where it is in its life; Memory and Expires are for others to add.
func (i *Instance) Status() spec.InstanceStatus {
	var l life
	if i.do(func(own *life) error { l = *own; return nil }) != nil {
		l = *i.last.Load()
	}
	return spec.InstanceStatus{
		ID: i.cfg.ID, Function: i.cfg.Function.Name, Version: i.cfg.Function.Version,
		State: l.state, Since: l.since, Started: l.started, Served: l.served, InFlight: l.inFlight,
		StartedBy: l.by, Cold: l.cold,
	}
}

// Stop ends the instance and removes every trace: it refuses new events, waits until ctx ends for those in flight, gives
// the function grace after SIGTERM, and then kills it. It waits until all is gone and may be called from several places;
// the first call's terms hold.
func (i *Instance) Stop(ctx context.Context, grace time.Duration) {
	i.stop.Do(func() {
		defer close(i.gone)
		i.drain(ctx)
		i.remove(context.WithoutCancel(ctx), grace)
		_ = i.do(func(l *life) error {
			if l.state != spec.Stopped {
				_ = l.to(spec.Stopped)
			}
			l.ended = true
			return nil
		})
		<-i.done
	})
	<-i.gone
}

// Forget ends the Instance and leaves its box as it is, for a later control plane to adopt.
func (i *Instance) Forget() {
	i.stop.Do(func() {
		defer close(i.gone)
		_ = i.do(func(l *life) error { l.ended = true; return nil })
		<-i.done
	})
}

// drain waits until nothing is in flight, or ctx ends.
func (i *Instance) drain(ctx context.Context) {
	quiet := make(chan struct{})
	_ = i.do(func(l *life) error {
		if err := i.thaw(context.WithoutCancel(ctx), l); err != nil {
			i.log.Warn("instance not thawed before its stop", "instance", i.cfg.ID, "error", err)
		}
		if may(l.state, spec.Draining) {
			_ = l.to(spec.Draining)
		}
		if l.inFlight == 0 || l.state != spec.Draining {
			close(quiet)
			return nil
		}
		l.quiet = quiet
		return nil
	})
	select {
	case <-quiet:
	case <-ctx.Done():
	}
}

// Freeze stops the processes of an idle instance in place, where the driver can; the next event thaws it.
func (i *Instance) Freeze(ctx context.Context) error {
	f, ok := i.box.(Freezer)
	if !ok {
		return nil
	}
	return i.do(func(l *life) error {
		if l.state != spec.Idle || l.frozen {
			return nil
		}
		err := f.Freeze(ctx)
		l.frozen = err == nil
		return err
	})
}

func (i *Instance) thaw(ctx context.Context, l *life) error {
	if !l.frozen {
		return nil
	}
	err := i.box.(Freezer).Thaw(ctx)
	l.frozen = err != nil
	return err
}
