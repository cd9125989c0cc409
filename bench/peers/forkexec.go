package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// forkExec is the least that a serverless runtime can be: an HTTP server that starts the function's program for every
// request, gives it the event and kills it. It isolates nothing and keeps nothing warm.
func (b *bench) forkExec(ctx context.Context) error {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := io.ReadAll(r.Body)
		if err == nil {
			err = b.fork(r.Context(), string(event))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Write(event)
	}))
	defer srv.Close()
	c := (&harness.Server{URL: srv.URL}).FunctionURL("any", 1)
	defer c.Close()
	s, err := harness.Repeat(ctx, 2, b.n, func(ctx context.Context, _ int) error { _, err := c.Call(ctx, []byte("{}")); return err })
	if err != nil {
		return err
	}
	b.report.Quantiles("forkexec_cold", s)
	return nil
}

func (b *bench) fork(ctx context.Context, event string) error {
	cmd := exec.CommandContext(ctx, b.echo.Program())
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + b.runtime.addr}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	return b.runtime.invoke(ctx, event)
}
