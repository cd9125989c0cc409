package instance

import (
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Instance is one instance of a function from its making to its removal. Safe for concurrent use: one goroutine owns its
// state, and every method asks that goroutine for its steps and does what blocks by itself. It ends with Stop or Forget,
// one of which every Instance needs. How many events are in flight it does not know: who gives them counts them.
type Instance struct {
	cfg    Config
	giving sync.Mutex // guards cfg.GPUs
	sb     Sandbox
	log    *slog.Logger
	box    Box           // set once, before the instance is staged
	onExit func(Exit)    // told once when the processes end by themselves
	asks   chan ask      // to the owner
	done   chan struct{} // closed when the owner has ended
	last   atomic.Pointer[life]
	stop   sync.Once
	gone   chan struct{} // closed when Stop has removed everything

	open   atomic.Bool // events may come
	nap    nap
	hooked atomic.Bool            // the function waits for a restore, to run its hooks
	keep   atomic.Bool            // line is used
	line   client.Line            // to init
	engine atomic.Pointer[string] // that runs its model, as the function said last
	rise   atomic.Pointer[spec.StartStep]
}

// life is what the owner knows.
type life struct {
	id      string
	state   spec.State // never busy
	since   time.Time
	started time.Time
	by      string // "plain" or "snapshot"
	cold    time.Duration
	exited  <-chan struct{} // the box's; nil while there is none
	ended   bool
	walked  func(from, to spec.State) // hears of every step; nil but in tests
}

type ask struct {
	f     func(*life) error
	reply chan error
}

// New makes an absent instance. onExit (may be nil) is called once if its processes end without Stop; it runs in a
// goroutine of its own.
func New(cfg Config, sb Sandbox, log *slog.Logger, onExit func(Exit)) *Instance {
	i := &Instance{
		cfg: cfg, sb: sb, log: log, onExit: onExit, asks: make(chan ask),
		done: make(chan struct{}), gone: make(chan struct{}), nap: newNap(),
	}
	i.cfg.Tell = func(s spec.StartStep) {
		i.rise.Store(&s)
		if cfg.Tell != nil {
			cfg.Tell(s)
		}
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
	l.exited = nil
	i.shut()
	wanted := l.state == spec.Draining || l.state == spec.Stopped
	if l.state != spec.Stopped {
		_ = l.to(spec.Stopped) // the chart has this step from everywhere
	}
	if i.onExit != nil && !wanted {
		go i.onExit(i.box.Exit())
	}
}

// to takes one step of the chart.
func (l *life) to(s spec.State) error {
	if !may(l.state, s) {
		return &TransitionError{ID: l.id, From: l.state, To: s}
	}
	if l.walked != nil {
		l.walked(l.state, s)
	}
	if seen(l.state) != seen(s) { // how long it has been idle, whatever its posture
		l.since = time.Now()
	}
	l.state = s
	return nil
}

// Tell notes how far the instance is on its way up, and says so to who listens.
func (i *Instance) Tell(s spec.StartStep) { i.cfg.Tell(s) }

// ID is the instance's name on this machine.
func (i *Instance) ID() string { return i.cfg.ID }

// Function is the version that it runs.
func (i *Instance) Function() spec.Function { return i.cfg.Function }

// GPUs are the devices that it has or will get: what its function names, or what Give has chosen; none before that.
func (i *Instance) GPUs() []string {
	i.giving.Lock()
	defer i.giving.Unlock()
	return i.cfg.GPUs
}

// Give chooses the devices of an instance that is not staged yet, whose function asks for a number of any. A label tells a
// later control plane.
func (i *Instance) Give(gpus []string) {
	i.giving.Lock()
	defer i.giving.Unlock()
	i.cfg.GPUs = gpus
	if i.cfg.Function.GPUs.Any() > 0 {
		i.cfg.Labels = maps.Clone(i.cfg.Labels)
		if i.cfg.Labels == nil {
			i.cfg.Labels = map[string]string{}
		}
		i.cfg.Labels[labelGPUs] = strings.Join(gpus, ",")
	}
}

// Leave says how much memory is free on each of the devices of an instance that is not started yet.
func (i *Instance) Leave(free spec.Bytes) {
	i.giving.Lock()
	defer i.giving.Unlock()
	i.cfg.Left = free
}

// Hooked says that the function asked for a restore before it asked for an event: it runs its restore hooks when it is
// restored, or else at its first event.
func (i *Instance) Hooked() bool { return i.hooked.Load() }

// Box is the driver's handle; nil before it is staged.
func (i *Instance) Box() Box { return i.box }

// Status says where it is in its life. Whether it is busy, what it has served, its memory and when it expires are for
// others to add.
func (i *Instance) Status() spec.InstanceStatus {
	var l life
	if i.do(func(own *life) error { l = *own; return nil }) != nil {
		<-i.done
		l = *i.last.Load()
	}
	engine := ""
	if e := i.engine.Load(); e != nil {
		engine = *e
	}
	var rise *spec.StartStep
	if l.state == spec.Absent || l.state == spec.Starting || l.state == spec.Restoring {
		rise = i.rise.Load()
	}
	return spec.InstanceStatus{
		Start: rise, Engine: engine, ID: i.cfg.ID, Function: i.cfg.Function.Name, Version: i.cfg.Function.Version,
		State: seen(l.state), Since: l.since, Started: l.started, StartedBy: l.by, Cold: l.cold,
	}
}

// Ended says that no process is left of one that has been started.
func (i *Instance) Ended() bool {
	select {
	case <-i.box.Exited():
		return true
	default:
		return false
	}
}

// shut lets no event in any more.
func (i *Instance) shut() {
	i.open.Store(false)
	i.line.Close()
}
