package daemon

import (
	"context"
	"log/slog"
	"net/http"
	"os"

	"github.com/videosdgx/videosdgx/cmd/internal/version"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/trace"
)

// tracing is what the configuration says of traces.
func (c Config) tracing(log *slog.Logger) trace.Options {
	return trace.Options{Endpoint: c.Traces, Headers: c.TraceHeaders, Ratio: c.TraceRatio, Node: c.Node, Version: version.Get().Version, Log: log}
}

func (p *plane) openTraces(ctx context.Context) (err error) {
	if p.trace, err = trace.Open(ctx, p.cfg.tracing(p.log), os.Getenv); p.trace != nil {
		p.log.Info("spans of requests and jobs go to a collector", "traces", p.cfg.Traces)
	}
	return err
}

// closeTraces comes last: what stops before it still makes spans.
func (p *plane) closeTraces(ctx context.Context) error {
	if p.trace != nil {
		p.trace.Close(ctx)
	}
	return nil
}

// traced gives what makes spans of a listener's requests; function says which are for a function's URL. Without traces it
// adds nothing to the way of a request.
func (p *plane) traced(function func(*http.Request) bool) (wrap func(http.Handler) http.Handler, routed func(*http.Request)) {
	if p.trace == nil {
		return func(next http.Handler) http.Handler { return next }, nil
	}
	q := trace.Requests{Status: gateway.StatusOf, ID: gateway.RequestID, Function: function}
	return func(next http.Handler) http.Handler { return p.trace.Wrap(q, next) }, trace.Routed
}
