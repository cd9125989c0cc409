package daemon

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"github.com/videosdgx/videosdgx/cmd/internal/version"
	"github.com/videosdgx/videosdgx/runtime/gateway/rest"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/redis"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
)

// openStore opens the queue that the configuration names.
func (p *plane) openStore(ctx context.Context) (err error) {
	scheme, _, _ := strings.Cut(p.cfg.Queue, ":")
	switch scheme {
	case "sqlite":
		p.store, err = sqlite.Open(ctx, p.dir("jobs.db"))
	case "redis", "rediss", "unix":
		p.store, err = redis.Open(ctx, p.cfg.Queue, "")
	default:
		err = fmt.Errorf("queue is %q: write sqlite, or redis://HOST:PORT/DB", p.cfg.Queue)
	}
	return err
}

// hookSecret is the configured one, or one that is made once and kept. One that begins with whsec_ is base64, as the
// libraries of Standard Webhooks have it.
func (p *plane) hookSecret() ([]byte, error) {
	if text, ok := strings.CutPrefix(p.cfg.WebhookSecret, "whsec_"); ok {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("webhookSecret begins with whsec_ and is not base64 after it: %w", err)
		}
		return b, nil
	}
	if p.cfg.WebhookSecret != "" {
		return []byte(p.cfg.WebhookSecret), nil
	}
	file := p.dir("webhook.key")
	if b, err := os.ReadFile(file); err == nil && len(b) >= 32 {
		return b, nil
	}
	b := []byte(rand.Text() + rand.Text())
	if err := os.WriteFile(file, b, 0o600); err != nil {
		return nil, fmt.Errorf("keeping the webhook secret: %w", err)
	}
	return b, nil
}

func (p *plane) openJobs(ctx context.Context) (err error) {
	catalog := &jobs.Catalog{Functions: p.registry, Observer: p.dispatch, Info: modelInfo}
	secret, err := p.hookSecret()
	if err != nil {
		return err
	}
	p.jobs, err = jobs.New(jobs.Config{
		Node: p.cfg.Node, Outputs: p.cfg.Outputs, HookSecret: secret, KeepFor: p.cfg.KeepJobs.D(), KeepBytes: int64(p.cfg.KeepClips),
		Policy: jobs.Policy{Models: int(p.cfg.ModelsAtOnce)},
	},
		jobs.Deps{Store: p.store, Runner: p.dispatch, Models: catalog, Log: p.log})
	if err != nil {
		return err
	}
	p.rest = rest.New(rest.Options{Jobs: p.jobs, Models: catalog, Log: p.log, Version: version.Get().Version})
	return p.jobs.Start(ctx)
}
