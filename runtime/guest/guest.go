package guest

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/reseed"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/rapi"
)

// guest is one instance from the inside.
type guest struct {
	cfg     wire.Config
	dir     string // with guest.json and init.sock
	began   time.Time
	log     *logpipe
	api     *rapi.Server
	apiLn   net.Listener
	control net.Listener
	child   *child
	signals chan os.Signal
	wg      sync.WaitGroup // exchanges under way

	companions companions
	nodeOption string // for Node.js, when the instance may be snapshotted
	pythonPath string // for Python, then

	stopping atomic.Bool  // a signal has asked for the end
	news     atomic.Int64 // how long initialisation took, in nanoseconds, until it has been reported
	most     atomic.Int64 // bytes that have been in use, see peak
	looked   atomic.Int64 // when that was measured, in nanoseconds since began
	worked   atomic.Int64 // nanoseconds that the function has had events since

	mu       sync.Mutex
	ready    chan struct{} // closed when the function has asked for its first event
	state    wire.StateHead
	dead     chan struct{} // closed when the function is of no further use
	fail     wire.FailHead // valid after dead
	told     chan struct{} // closed when somebody has been told of fail
	active   map[*exchange]struct{}
	resting  map[net.Conn]struct{} // kept, between two invocations
	owed     []*exchange           // answered; their ends wait for their logs
	reports  []report              // of what has been answered; they wait for their logs
	restored chan []byte           // how the restore hooks ended

	generators map[int]reseed.Places // by process, as they were when a snapshot was announced
}

// start brings everything up to a running function. An error means that nothing runs.
func start(cfg wire.Config, dir string, command []string) (*guest, error) {
	g := &guest{
		cfg: cfg, dir: dir, began: time.Now(), signals: make(chan os.Signal, 8),
		ready: make(chan struct{}), dead: make(chan struct{}), told: make(chan struct{}),
		companions: companions{pids: map[string]int{}, joined: make(chan string, 16), settled: make(chan string, 16)},
		active:     map[*exchange]struct{}{}, resting: map[net.Conn]struct{}{}, restored: make(chan []byte, 1),
	}
	signal.Notify(g.signals, forwarded...)
	chld := notifyChild()
	becomeReaper()
	var err error
	if g.log, err = newLogpipe(os.Stdout); err != nil {
		return nil, err
	}
	if err := g.listen(dir); err != nil {
		return nil, err
	}
	g.api = rapi.New(rapi.Options{
		Info:         rapi.Info{Function: cfg.Function, Version: cfg.Version, Handler: cfg.Handler},
		EventsAtOnce: cfg.EventsAtOnce, MaxResponse: cfg.MaxResponse,
		OnReady: g.onReady, OnPoll: g.onPoll, OnInitError: g.onInitError, OnRestored: g.onRestored, OnExtension: g.onExtension, OnSettled: g.onSettled,
	})
	go g.api.Serve(g.apiLn)
	g.prepare()
	g.launch(command)
	if g.child != nil {
		go reap(g.child, chld)
		go g.forward()
	}
	go g.serve()
	return g, nil
}

// prepare readies runtimes for a snapshot.
func (g *guest) prepare() {
	if !g.cfg.Snapshots {
		return
	}
	option, err := reseed.InstallNode(g.dir)
	if err != nil {
		g.log.say("Node.js functions are not prepared for snapshots: %v", err)
		return
	}
	g.nodeOption = option
	if g.pythonPath, err = reseed.InstallPython(g.dir); err != nil {
		g.log.say("Python functions are not prepared for snapshots: %v", err)
	}
}

// launch starts the function. A command that cannot be started counts as a failed initialisation, and whoever waits is
// told so.
func (g *guest) launch(command []string) {
	var err error
	env := environment(g.cfg, os.Environ(), g.apiLn.Addr().String(), g.began)
	env = append(env, "VIDEOSDGX_FILES="+filepath.Join(g.dir, wire.FilesDir))
	if g.nodeOption != "" {
		env = withNodeOption(env, g.nodeOption)
	}
	if g.pythonPath != "" {
		env = withPythonPath(env, g.pythonPath)
	}
	go g.log.pump()
	if os.Getpid() == 1 { // else the folder is the machine's, not the image's
		g.startCompanions(extensionsDir, env)
	}
	g.child, err = startChild(command, env, g.log.w)
	g.log.w.Close()
	if err != nil {
		g.log.say("%v", err)
		g.die(wire.FailHead{Class: wire.ClassInit, Message: err.Error(), Exit: 127, NoCommand: true})
	}
}

// run waits for the function's end, tells everybody who waits for it, and returns the exit status.
func (g *guest) run() int {
	code := 127
	if g.child != nil {
		g.watchInit()
		<-g.child.exited
		g.partWith(time.Now().Add(leaving))
		killRest()
		g.log.finish(100 * time.Millisecond)
		g.writeReports()
		g.die(g.obituary())
		code = g.child.code()
	}
	g.failAll()
	g.log.flush()
	g.linger()
	g.control.Close()
	g.waitExchanges(time.Second)
	return code
}

// obituary describes the function's end.
func (g *guest) obituary() wire.FailHead {
	f := wire.FailHead{Class: wire.ClassExit, Message: "the function " + g.child.how(), Exit: g.child.code()}
	if !g.isReady() {
		f.Class, f.LogTail = wire.ClassInit, g.log.since(0)
		f.Message += " before it was ready"
	}
	return f
}

// watchInit ends a function that takes too long to ask for its first event.
func (g *guest) watchInit() {
	limit := time.Duration(g.cfg.InitTimeoutMs) * time.Millisecond
	if limit <= 0 {
		return
	}
	select {
	case <-g.ready:
	case <-g.child.exited:
	case <-time.After(limit):
		g.log.settle(settling)
		g.die(wire.FailHead{
			Class: wire.ClassInit, LogTail: g.log.since(0), Late: true,
			Message: fmt.Sprintf("the function did not ask for its first event within %s (initTimeout)", limit),
		})
		g.failAll()
		g.child.terminate(100 * time.Millisecond)
	}
}

// lingering is how long init stays to tell why a function never became ready, when nobody has asked yet.
const lingering = 2 * time.Second

func (g *guest) linger() {
	if g.isReady() || g.stopping.Load() {
		return
	}
	select {
	case <-g.told:
	case <-g.terminated():
	case <-time.After(lingering):
	}
}

// terminated fires on a signal that nobody forwards any more.
func (g *guest) terminated() <-chan os.Signal {
	own := make(chan os.Signal, 1)
	signal.Notify(own, forwarded...)
	return own
}

func (g *guest) waitExchanges(d time.Duration) {
	done := make(chan struct{})
	go func() { g.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(d):
	}
}
