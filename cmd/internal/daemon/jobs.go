package daemon

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/videosdgx/videosdgx/cmd/internal/version"
	"github.com/videosdgx/videosdgx/runtime/experiments"
	"github.com/videosdgx/videosdgx/runtime/gateway/rest"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/redis"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
	"github.com/videosdgx/videosdgx/runtime/loras"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// openStore opens the queue that the configuration names.
func (p *plane) openStore(ctx context.Context) (err error) {
	scheme, _, _ := strings.Cut(p.cfg.Queue, ":")
	switch scheme {
	case "sqlite":
		p.store, err = sqlite.Open(ctx, p.dir("jobs.db"))
	case "redis", "rediss", "unix":
		var secret *tls.Config
		if secret, err = p.queueTLS(); err == nil {
			p.store, err = redis.Open(ctx, p.cfg.Queue, "", secret)
		}
	default:
		err = fmt.Errorf("queue is %q: write sqlite, or redis://HOST:PORT/DB", p.cfg.Queue)
	}
	return err
}

func (p *plane) openJobs(ctx context.Context) (err error) {
	catalog := &jobs.Catalog{Functions: p.registry, Observer: p.dispatch, Bundle: modelBundle}
	tell, err := p.tell()
	if err != nil {
		return err
	}
	var traced jobs.Tracer
	if p.trace != nil {
		traced = p.trace
	}
	p.jobs, err = jobs.New(jobs.Config{
		Node: p.cfg.Node, Outputs: p.cfg.Outputs, KeepFor: p.cfg.KeepJobs.D(), KeepBytes: int64(p.cfg.KeepClips), MinFree: int64(p.cfg.DiskReserve),
		Policy: jobs.Policy{Models: int(p.cfg.ModelsAtOnce), PerClient: int(p.cfg.ClientRunning)},
		Quota:  jobs.Quota{Queued: int(p.cfg.ClientQueued), Seconds: float64(p.cfg.ClientSeconds), Bytes: int64(p.cfg.ClientStored)},
	},
		jobs.Deps{Store: p.store, Runner: p.loras, Models: catalog, Tell: tell, Trace: traced, Spool: p.spool, Log: p.log})
	if err != nil {
		return err
	}
	trials, err := experiments.Open(p.dir("experiments"))
	if err != nil {
		return err
	}
	vet, err := p.cfg.vet()
	if err != nil {
		return err
	}
	p.vetted.Store(&vet)
	p.rest = rest.New(rest.Options{
		Vet: func(ctx context.Context, client string, texts map[string]string) (field, problem string, err error) {
			return (*p.vetted.Load())(ctx, client, texts)
		},
		Jobs: p.jobs, Models: catalog, CheckHook: p.guard.CheckURL, Log: p.log, Version: version.Get().Version, Experiments: trials, Promote: p.promote, Route: p.route, Versions: p.hasVersion, Reuse: rest.Reuse(p.cfg.Reuse), Similar: p.cfg.Similar,
		LoRAs: func() []string { return loras.Names(p.cfg.Models) }, CheckLoRAs: p.merger.Check(p.registry),
	})
	p.scraped.MustRegister(p.rest.Collector())
	return p.jobs.Start(ctx)
}

// route points an alias to one version, or to two by a share.
func (p *plane) route(ctx context.Context, function, alias, one, other string, share float64) error {
	_, err := p.registry.PutAlias(ctx, spec.Alias{Function: function, Name: alias, Version: one, SecondVersion: other, Weight: share, Description: "shared out by an experiment"})
	return err
}

// hasVersion says whether a function has a version or an alias.
func (p *plane) hasVersion(ctx context.Context, function, version string) error {
	_, err := p.registry.Get(ctx, function, version)
	return err
}

// promote points an alias to the version that has won an experiment.
func (p *plane) promote(ctx context.Context, function, alias, version string) error {
	_, err := p.registry.PutAlias(ctx, spec.Alias{Function: function, Name: alias, Version: version, Description: "the winner of an experiment"})
	return err
}
