package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/videosdgx/videosdgx/runtime/audit"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/auth/token"
	"github.com/videosdgx/videosdgx/runtime/backup"
	"github.com/videosdgx/videosdgx/runtime/device"
	"github.com/videosdgx/videosdgx/runtime/dispatch"
	"github.com/videosdgx/videosdgx/runtime/events"
	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/access"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	"github.com/videosdgx/videosdgx/runtime/gateway/rest"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/limits"
	"github.com/videosdgx/videosdgx/runtime/loras"
	"github.com/videosdgx/videosdgx/runtime/metrics"
	"github.com/videosdgx/videosdgx/runtime/registry"
	"github.com/videosdgx/videosdgx/runtime/snapshots"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spool"
	"github.com/videosdgx/videosdgx/runtime/tasks"
	"github.com/videosdgx/videosdgx/runtime/trace"
	"github.com/videosdgx/videosdgx/snapshotter/cuda"
)

// plane is a control plane being started, run or stopped. Its fields are set by the phases, in their order.
type plane struct {
	cfg    Config
	log    *slog.Logger
	level  slog.LevelVar          // of the log
	fresh  atomic.Pointer[Config] // what was read last, of which live says what counts; nil: cfg
	failed chan error             // a server that ended by itself

	lock        *os.File
	trace       *trace.Tracer   // nil: no collector is named
	tls         *tls.Config     // nil: plain HTTP
	tokens      *token.Verifier // nil: none are taken
	apiKeys     *keys.Store
	audit       *audit.Log     // nil: none is kept
	access      *access.Access // asks who a request comes from
	lambda      *lambda.API
	invoker     limits.Invoker // of calls from outside
	listener    net.Listener
	sandbox     instance.Sandbox
	registry    *registry.Registry
	dispatch    *dispatch.Dispatcher
	loras       spec.Invoker  // dispatch; what asks for LoRAs goes to a version of its own
	merger      *loras.Merger // of models and LoRAs, with its cache
	measured    measured      // what files use of the disks
	stopDisk    context.CancelFunc
	diskDone    <-chan struct{}
	snapshots   *snapshots.Service // nil: every start is plain
	noSnapshots string             // why there are none
	gpu         cuda.Support       // what can be done with device memory
	store       jobs.Backend
	jobs        *jobs.Service
	rest        *rest.API
	vetted      atomic.Pointer[vet]      // says which texts are taken
	hooks       atomic.Pointer[[][]byte] // secrets that webhooks are signed with
	events      *events.Queue
	guard       *outgoing.Guard
	poster      *outgoing.Poster
	spool       *spool.Spool         // of answers on their way
	proxies     gateway.Proxies      // in front of all listeners
	connections *gateway.Connections // of all listeners
	socket      string               // of the API; "": none
	server      *gateway.Server
	ports       *ports
	backups     *backups // nil: none are scheduled
	tasks       *tasks.Runner
	machine     *device.Machine
	scraped     *prometheus.Registry
	metrics     *metrics.Metrics
}

// phases are the parts of a control plane: the port first, so that one in use is told before anything is touched; the
// server last, so that it takes requests only when all else can.
func (p *plane) phases() []phase {
	return []phase{
		{"data folder", p.takeData, func(context.Context) error { return p.lock.Close() }},
		{"traces", p.openTraces, p.closeTraces},
		{"who may", p.openAccess, p.closeAccess},
		{"TLS", p.openTLS, nil},
		{"listener", p.openListener, func(context.Context) error { return p.closeListener() }},
		{"machine", p.openMachine, func(context.Context) error { p.machine.Close(); return nil }},
		{"way out", p.openOutgoing, nil},
		{"driver", p.openDriver, p.closeDriver},
		{"registry", p.openRegistry, func(context.Context) error { return p.registry.Close() }},
		{"snapshots", p.openSnapshots, nil},
		{"dispatch", p.openDispatch, func(ctx context.Context) error { return p.dispatch.Stop(ctx) }},
		{"disk", p.watchDisk, p.unwatchDisk},
		{"snapshot maker", p.watchPublished, func(context.Context) error { p.stopSnapshots(); return nil }},
		{"spool", p.openSpool, nil},
		{"job store", p.openStore, func(context.Context) error { return p.store.Close() }},
		{"jobs", p.openJobs, func(ctx context.Context) error { return p.jobs.Stop(ctx) }},
		{"events", p.openEvents, p.closeEvents},
		{"backups", p.openBackups, p.closeBackups},
		{"tasks", p.openTasks, func(context.Context) error { p.tasks.Stop(); return nil }},
		{"server", p.openServer, func(ctx context.Context) error { return p.server.Stop(ctx) }},
		{"socket", p.openSocket, func(context.Context) error { return p.closeSocket() }},
		{"model ports", p.openPorts, func(ctx context.Context) error { return p.ports.stop(ctx) }},
	}
}

func (p *plane) addr() string { return p.listener.Addr().String() }

func (p *plane) takeData(context.Context) (err error) {
	if p.lock, err = lockData(p.cfg.Data); err != nil {
		return err
	}
	if backup.Unfinished(p.cfg.Data) {
		return errors.Join(fmt.Errorf("%s holds a restore that did not end: run the same 'videosdgx backup restore' again", p.cfg.Data), p.lock.Close())
	}
	for _, dir := range []string{p.cfg.Functions, p.cfg.Models} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("cannot make a folder: %w", err)
		}
	}
	if err := os.MkdirAll(p.cfg.Outputs, 0o700); err != nil {
		return fmt.Errorf("cannot make a folder of this user's own: %w", err)
	}
	err = os.Chmod(p.cfg.Outputs, 0o700)
	if errors.Is(err, os.ErrPermission) { // a volume that several machines mount, of which only its group is this user's
		p.log.Warn("the folder of clips belongs to another user, and its mode stays as it is: see that nobody else reads it", "outputs", p.cfg.Outputs)
		return nil
	}
	return err
}

func (p *plane) openListener(ctx context.Context) (err error) {
	if p.listener, err = handed(); p.listener != nil || err != nil {
		return p.mayListen(err)
	}
	p.listener, err = listen(ctx, p.cfg.Listen)
	return err
}

// closeListener is for starts that fail before the server owns the listener.
func (p *plane) closeListener() error {
	if p.server == nil {
		return p.listener.Close()
	}
	return nil
}

func (p *plane) openRegistry(context.Context) (err error) {
	p.registry, err = registry.New(registry.Config{
		Functions: p.cfg.Functions, Data: p.cfg.Data, Models: p.cfg.Models, Mounts: p.mountRoots(), Image: p.pinImage(), Runs: p.checkRuns(), Log: p.log,
	})
	return err
}

func (p *plane) dir(name string) string { return filepath.Join(p.cfg.Data, name) }

// openMachine looks at memory and GPUs, and declares the metrics.
func (p *plane) openMachine(context.Context) (err error) {
	p.scraped = prometheus.NewRegistry()
	p.scraped.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	p.metrics = metrics.New(p.scraped)
	p.machine, err = device.Open(p.cfg.Memory)
	return err
}
