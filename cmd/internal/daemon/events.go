package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/runtime/events"
	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/events/webhook"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/rest"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// openOutgoing makes the one way out: its guard and the poster that webhooks and destinations share.
func (p *plane) openOutgoing(context.Context) (err error) {
	if p.guard, err = outgoing.NewGuard(p.cfg.Outgoing); err != nil {
		return err
	}
	p.poster = outgoing.NewPoster(p.guard)
	return nil
}

// openEvents takes up the Event invocations that an earlier run has left.
func (p *plane) openEvents(context.Context) error {
	store, err := events.OpenFiles(p.dir("events"))
	if err != nil {
		return err
	}
	p.events = events.New(events.Config{
		Invoker: p.loras, Functions: p.registry, Store: store, Poster: p.poster, Log: p.log,
		ErrorType: func(err error) string { return gateway.Explain(err).Type },
	})
	p.metrics.WatchEvents(p.events.Len)
	return p.events.Start()
}

func (p *plane) closeEvents(context.Context) error {
	p.events.Stop()
	return nil
}

// hookSecrets are the configured ones, or one that is made once and kept.
func (c Config) hookSecrets() ([][]byte, error) {
	if c.WebhookSecret != "" {
		return webhook.ParseSecrets(c.WebhookSecret)
	}
	return webhook.KeepSecret(filepath.Join(c.Data, "webhook.key"))
}

// tell gives the jobs their way to a webhook's receiver.
func (p *plane) tell() (func(context.Context, jobs.Notice) error, error) {
	secrets, err := p.cfg.hookSecrets()
	if err != nil {
		return nil, err
	}
	p.hooks.Store(&secrets)
	sender := &webhook.Sender{Poster: p.poster, Secrets: func() [][]byte { return *p.hooks.Load() }}
	if p.trace != nil {
		sender.Inject = func(ctx context.Context, h http.Header) { p.trace.Inject(ctx, h) }
	}
	return func(ctx context.Context, n jobs.Notice) (err error) {
		body, err := rest.HookBody(n.Job)
		if err != nil {
			return err
		}
		if p.trace != nil {
			told := func(error) {}
			ctx, told = p.trace.Told(ctx, n.Job)
			defer func() { told(err) }()
		}
		err = sender.Send(ctx, n.URL, n.ID, time.Now(), body)
		var answered *outgoing.StatusError
		if errors.As(err, &answered) && answered.Gone() {
			return fmt.Errorf("%w: %w", err, jobs.ErrHookGone)
		}
		return err
	}, nil
}
