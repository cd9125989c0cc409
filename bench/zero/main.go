// Command zero asks what it costs to have a model at zero, and what that saves: for the demo model idle, frozen, staged,
// with a snapshot and absent, the memory that is held while nobody calls, and the time that the next call takes to its
// first byte.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	server     harness.Options
	n          int
	checkpoint string
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 30, "calls in each state")
	flag.StringVar(&o.checkpoint, "checkpoint", "images/demo/wan21-tiny", "checkpoint of the demo model")
	harness.Main("zero", func(ctx context.Context) error { return run(ctx, o) })
}

type bench struct {
	options
	server   *harness.Server
	function harness.Wan21
	bundle   string
	report   *harness.Report
}

func run(ctx context.Context, o options) (err error) {
	s, dir, end, err := harness.Begin(ctx, o.server, "zero")
	if err != nil {
		return err
	}
	defer end(&err)
	b := &bench{options: o, server: s, bundle: filepath.Join(dir, "bundle"), report: harness.NewReport("zero")}
	if b.function, err = s.BuildWan21(ctx, dir); err != nil {
		return err
	}
	if err := s.BuildBundle(ctx, o.checkpoint, b.bundle, ""); err != nil {
		return err
	}
	all, err := b.places(ctx)
	if err != nil {
		return err
	}
	err = harness.Rounds(ctx, func(ctx context.Context, round int) error {
		for range harness.Share(o.n, round) {
			for _, p := range all {
				if err := p.visit(ctx); err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range all {
		p.report(b.report)
	}
	return b.report.Print(os.Stdout)
}
