package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// forkExec is the least that a serverless runtime can be: an HTTP server that starts the function's program for every
// request, gives it the event and kills it. It isolates nothing and keeps nothing warm.
func (b *bench) forkExec(context.Context) (*contender, error) {
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
	c := (&harness.Server{URL: srv.URL}).FunctionURL("any", 1)
	return &contender{
		coldName: "forkexec_cold",
		cold:     func(ctx context.Context) (time.Duration, error) { return c.Call(ctx, []byte("{}")) },
		end:      func(context.Context) error { c.Close(); srv.Close(); return nil },
	}, nil
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
