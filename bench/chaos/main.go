// Command chaos asks whether the runtime survives what kills it: for a while it sends SIGKILL at random moments, under
// load, to the control plane (which is started again on its data), to instances' inits, shims and functions, and to the
// private containerd. Every answer is checked: it must be the event that was sent, or an error in Lambda's form. After the
// end and an orderly stop nothing may be left: no process, mount, cgroup, container, task or folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	server          harness.Options
	length, between time.Duration
	workers         int
	seed            uint64
	kinds, logTo    string
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.DurationVar(&o.length, "length", 60*time.Second, "how long to kill")
	flag.DurationVar(&o.between, "between", 500*time.Millisecond, "mean time between two kills")
	flag.IntVar(&o.workers, "workers", 8, "callers at the same time")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of victims and moments")
	flag.StringVar(&o.kinds, "kinds", "plane,init,function,shim,containerd", "what to kill")
	flag.StringVar(&o.logTo, "log", "", "file for the server's log")
	harness.Main("chaos", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) (err error) {
	if o.server.URL != "" {
		return errors.New("this bench kills its server: leave -server out")
	}
	if o.server.Log, err = logFile(o.logTo); err != nil {
		return err
	}
	if o.server.Driver != "process" {
		o.server.Args = append(o.server.Args, "--containerd", "private") // nobody else's daemon is killed
	}
	s, dir, end, err := harness.Begin(ctx, o.server, "chaos")
	if err != nil {
		return err
	}
	defer end(&err)
	b := &bench{options: o, server: s, report: harness.NewReport("chaos"), things: newThings(s.Data)}
	defer func() {
		if err != nil { // nothing of a bench that failed goes on running
			err = errors.Join(err, s.Halt())
			b.things.end()
		}
	}()
	if err := b.deploy(ctx, dir); err != nil {
		return err
	}
	if err := b.storm(ctx); err != nil {
		return err
	}
	return b.judge(ctx)
}

type bench struct {
	options
	server *harness.Server
	report *harness.Report
	things things
	load   *load
	kills  map[string]*harness.Samples // time until every function has answered a newer call, by kind of victim
}

const functions = 3

func function(i int) string { return fmt.Sprintf("chaos-%d", i%functions) }

// deploy registers functions that differ in how many instances and events at once they have.
func (b *bench) deploy(ctx context.Context, dir string) error {
	echo, err := b.server.BuildEcho(ctx, dir)
	if err != nil {
		return err
	}
	for i := range functions {
		set := map[string]any{"concurrency": 1 + i, "eventsAtOnce": functions - i, "staged": i % 2}
		if err := b.server.Deploy(ctx, function(i), echo, set); err != nil {
			return err
		}
	}
	return nil
}

// judge stops the server, counts what is left, and fails unless all is right.
func (b *bench) judge(ctx context.Context) error {
	if err := b.server.Halt(); err != nil {
		return err
	}
	left, err := b.things.left(ctx)
	if err != nil {
		return err
	}
	r := b.report
	r.Figure("calls", float64(b.load.calls.Load()))
	r.Figure("answered", float64(b.load.right.Load()))
	r.Figure("lambda_errors", float64(b.load.refused.Load()))
	r.Figure("cut_off", float64(b.load.cut.Load()))
	for kind, s := range b.kills {
		r.Figure("killed_"+kind, float64(s.N()))
		r.Quantiles("recovered_"+kind, s)
	}
	r.Figure("wrong", float64(len(b.load.wrong)))
	r.Want("wrong", "= 0")
	r.Figure("leaked", float64(len(left)))
	r.Want("leaked", "= 0")
	if err := r.Print(os.Stdout); err != nil {
		return err
	}
	if len(b.load.wrong)+len(left) > 0 {
		return fmt.Errorf("wrong:\n  %s\nleaked:\n  %s", strings.Join(b.load.wrong, "\n  "), strings.Join(left, "\n  "))
	}
	return nil
}

func logFile(path string) (io.Writer, error) {
	if path == "" {
		return nil, nil
	}
	return os.Create(path)
}
