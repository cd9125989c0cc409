package daemon

import (
	"context"
	"fmt"
	"strings"

	"github.com/videosdgx/videosdgx/cmd/internal/version"
	"github.com/videosdgx/videosdgx/runtime/gateway/rest"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
)

// openStore opens the queue that the configuration names.
func (p *plane) openStore(ctx context.Context) (err error) {
	switch {
	case p.cfg.Queue == "sqlite":
		p.store, err = sqlite.Open(ctx, p.dir("jobs.db"))
	case strings.HasPrefix(p.cfg.Queue, "redis://"), strings.HasPrefix(p.cfg.Queue, "rediss://"):
		err = fmt.Errorf("redis is wired below")
	default:
		err = fmt.Errorf("queue is %q: write sqlite, or redis://HOST:PORT/DB", p.cfg.Queue)
	}
	return err
}

func (p *plane) openJobs(ctx context.Context) (err error) {
	catalog := &jobs.Catalog{Functions: p.registry, Observer: p.dispatch, Info: modelInfo}
	p.jobs, err = jobs.New(jobs.Config{Node: p.cfg.Node, Outputs: p.cfg.Outputs},
		jobs.Deps{Store: p.store, Runner: p.dispatch, Models: catalog, Log: p.log})
	if err != nil {
		return err
	}
	p.rest = rest.New(rest.Options{Jobs: p.jobs, Models: catalog, Log: p.log, Version: version.Get().Version})
	return p.jobs.Start(ctx)
}
