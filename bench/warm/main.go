// Command warm asks what a warm invocation costs: from an HTTP client through the gateway and the instance's init to the
// function and back, with an event that does no work, through the Invoke API and the function's URL. One call at a time
// for latency, -workers at a time for throughput.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	server                harness.Options
	n, warmup, workers    int
	concurrency, together int
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 2000, "calls per question")
	flag.IntVar(&o.warmup, "warmup", 200, "calls before that are not counted")
	flag.IntVar(&o.workers, "workers", 8, "calls at the same time when asking for throughput")
	flag.IntVar(&o.concurrency, "concurrency", 4, "instances of the function")
	flag.IntVar(&o.together, "together", 2, "events that one instance takes at the same time")
	harness.Main("warm", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) (err error) {
	s, err := harness.Start(ctx, o.server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	dir, err := os.MkdirTemp("", "videosdgx-warm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	echo, err := s.BuildEcho(ctx, dir)
	if err != nil {
		return err
	}
	r, name := harness.NewReport("warm"), fmt.Sprintf("bench-warm-%d", os.Getpid())
	set := map[string]any{"concurrency": o.concurrency, "eventsAtOnce": o.together}
	if err := s.Deploy(ctx, name, echo, set); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Undeploy(context.WithoutCancel(ctx), name)) }()
	if err := measure(ctx, r, "warm", s.InvokeAPI(name, o.workers), o); err != nil {
		return err
	}
	if err := measure(ctx, r, "url", s.FunctionURL(name, o.workers), o); err != nil {
		return err
	}
	r.Want("warm_p50_ms", "≤ 0.4")
	r.Want("warm_p99_ms", "≤ 2")
	r.Want("warm_per_s", "≥ 3000")
	return r.Print(os.Stdout)
}

// measure asks one entrance for latency and throughput.
func measure(ctx context.Context, r *harness.Report, name string, c *harness.Caller, o options) error {
	defer c.Close()
	call := func(ctx context.Context, _ int) error { _, err := c.Call(ctx, []byte("{}")); return err }
	one, err := harness.Repeat(ctx, o.warmup, o.n, call)
	if err != nil {
		return err
	}
	r.Quantiles(name, one)
	if _, _, err := harness.Flood(ctx, o.workers, o.warmup, call); err != nil {
		return err
	}
	many, rate, err := harness.Flood(ctx, o.workers, o.n, call)
	if err != nil {
		return err
	}
	r.Quantiles(name+"_busy", many)
	r.Figure(name+"_per_s", rate)
	return nil
}
