// Command cold asks how long the first byte of an answer takes when nothing of the function runs: absent (no container at
// all) and staged (a container is created, its process not started), with the static Go function and an event that does
// no work.
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
	server    harness.Options
	n, warmup int
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 100, "cold starts per question")
	flag.IntVar(&o.warmup, "warmup", 5, "cold starts before that are not counted")
	harness.Main("cold", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) (err error) {
	s, err := harness.Start(ctx, o.server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	dir, err := os.MkdirTemp("", "videosdgx-cold-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	echo, err := s.BuildEcho(ctx, dir)
	if err != nil {
		return err
	}
	r := harness.NewReport("cold")
	for _, q := range []struct {
		state  string
		spares int
	}{{"absent", 0}, {"staged", 1}} {
		if err := ask(ctx, s, r, echo, q.state, q.spares, o); err != nil {
			return fmt.Errorf("%s: %w", q.state, err)
		}
	}
	r.Want("absent_first_byte_p50_ms", "≤ 90")
	r.Want("staged_first_byte_p50_ms", "≤ 30")
	return r.Print(os.Stdout)
}

// ask measures first bytes from one state. Between calls the instance that answered is stopped, and the state awaited.
func ask(ctx context.Context, s *harness.Server, r *harness.Report, echo harness.Echo, state string, spares int, o options) (err error) {
	name := fmt.Sprintf("bench-cold-%s-%d", state, os.Getpid())
	if err := s.Deploy(ctx, name, echo, map[string]any{"staged": spares}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Undeploy(context.WithoutCancel(ctx), name)) }()
	c, samples := s.FunctionURL(name, 1), harness.NewSamples()
	defer c.Close()
	for i := range o.warmup + o.n {
		if i == o.warmup {
			c.Timing = new(harness.Timing)
		}
		if err := reset(ctx, s, name, spares); err != nil {
			return err
		}
		took, err := c.Call(ctx, []byte("{}"))
		if err != nil {
			return fmt.Errorf("start %d: %w", i+1, err)
		}
		if i >= o.warmup {
			samples.Add(took)
		}
	}
	r.Quantiles(state+"_first_byte", samples)
	r.Phases[state] = c.Timing.Phases()
	return nil
}

// reset stops what has run, as soon as it can be stopped, and waits until exactly the spares are there.
func reset(ctx context.Context, s *harness.Server, name string, spares int) error {
	var failed error
	err := s.Await(ctx, name, func(all []harness.Instance) bool {
		staged := 0
		for _, i := range all {
			switch i.State {
			case "staged":
				staged++
			case "idle":
				failed = errors.Join(failed, s.StopInstance(ctx, i.ID))
			}
		}
		return failed != nil || staged == spares && len(all) == spares
	})
	return errors.Join(failed, err)
}
