package daemon

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/videosdgx/videosdgx/cmd/internal/version"
	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/access"
	"github.com/videosdgx/videosdgx/runtime/gateway/admin"
	"github.com/videosdgx/videosdgx/runtime/gateway/keys"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	"github.com/videosdgx/videosdgx/runtime/gateway/rest"
	"github.com/videosdgx/videosdgx/runtime/gateway/snapshots"
	"github.com/videosdgx/videosdgx/runtime/gateway/url"
	"github.com/videosdgx/videosdgx/runtime/limits"
	"github.com/videosdgx/videosdgx/runtime/spool"
	"github.com/videosdgx/videosdgx/runtime/ui"
)

// openServer starts to take requests.
func (p *plane) openServer(context.Context) (err error) {
	p.connections = gateway.NewConnections(gateway.Bounds{All: int(p.cfg.Connections)}, p.log)
	p.metrics.WatchConnections(p.connections.Counts)
	p.metrics.WatchStorage(p.storage)
	p.invoker = limits.Invoker{Invoker: vettedInvoker{p.loras, p.vetCall}, Functions: p.rated()}
	urls := url.New(url.Options{Invoker: p.invoker, Functions: p.registry, Spool: p.spool, Log: p.log})
	cors, err := rest.NewCORS(p.cfg.Origins, "/v1/")
	if err != nil {
		return err
	}
	routes := p.routes()
	guard := p.access.Guard(access.Listener{Routes: routes, Function: urls.Need, Signed: p.lambda.Signed, IsSigned: lambda.IsSigned})
	traced, routed := p.traced(urls.Is)
	p.server = gateway.New(gateway.Options{
		Routes: routes, Wrap: []func(http.Handler) http.Handler{cors.Wrap, guard, traced, urls.Wrap}, Routed: routed, Log: p.log, Hosts: p.hosts(), Proxies: p.proxies, Connections: p.connections,
	})
	p.sayWho(p.listener.Addr())
	p.watchCertificate()
	go func() {
		if err := p.serve(p.server, p.listener); err != nil {
			p.failed <- err
		}
	}()
	return nil
}

// openSpool takes a folder for answers that do not fit into memory; what an earlier run had there has gone with it.
func (p *plane) openSpool(context.Context) error {
	if err := os.MkdirAll(p.dir("spool"), 0o700); err != nil {
		return fmt.Errorf("cannot make a folder: %w", err)
	}
	p.spool = spool.New(spool.Options{Dir: p.dir("spool")})
	return nil
}

// hosts are the configured names of this machine.
func (p *plane) hosts() []string {
	return append(list(p.cfg.Hosts), list(p.cfg.ACME)...)
}

func (p *plane) routes() []gateway.Routes {
	p.lambda = lambda.New(lambda.Options{
		Invoker: p.invoker, Functions: p.registry, Aliases: p.registry, Instances: p.dispatch, Queue: limits.Queue{To: vettedQueue{p.events, p.vetCall}, Functions: p.invoker.Functions}, Keys: p.keys(), Asks: p.access.Asks,
		Image: p.resolveImage(), Spool: p.spool, Log: p.log, CheckURL: p.guard.CheckURL,
	})
	routes := []gateway.Routes{
		ui.Page{},
		admin.New(admin.Options{Functions: p.registry, Instances: p.dispatch, Version: p.version(), Image: p.checkImage(), Runs: p.checkRuns(), Log: p.log,
			Machine: func() (any, error) { return p.machine.Probe() }, Tasks: p.tasks, Storage: p.storage}),
		p.lambda,
		p.rest,
		p.access.Login(),
		keys.API{Keys: p.apiKeys},
		gateway.Mount{Pattern: "GET /metrics", Handler: promhttp.HandlerFor(p.scraped, promhttp.HandlerOpts{}), Need: auth.One(auth.Metrics)},
	}
	api := &snapshots.API{Functions: p.registry, Off: p.noSnapshots}
	if p.snapshots != nil {
		api.Keeper = p.snapshots
	}
	return append(routes, api)
}

// keys are the credentials that requests to the Lambda API are signed with; none: any are accepted where nobody is asked.
func (p *plane) keys() map[string]string {
	if p.cfg.AccessKey == "" {
		return nil
	}
	if !p.access.Asks() {
		p.log.Warn("the access key guards the Lambda API alone; whoever reaches the port can use function URLs, jobs and the control API", "listen", p.cfg.Listen)
	}
	return map[string]string{p.cfg.AccessKey: p.cfg.SecretKey}
}

func (p *plane) version() admin.Version {
	v, info := version.Get(), p.sandbox.Info()
	return admin.Version{
		Version: v.Version, Commit: v.Commit, Go: v.Go, OS: v.OS, Arch: v.Arch,
		Driver: info.Name, Below: info.Version, Lacks: info.Lacks, Models: p.cfg.Models,
		Checkpoints: p.dir(checkpointsName), ModelsLimit: int64(p.cfg.ModelsLimit),
	}
}
