// Command density asks how much fits: the memory of a server with many registered functions of which nothing runs, and
// what a staged and an idle instance of the static Go function hold.
package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	server               harness.Options
	functions, instances int
	settle               time.Duration
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.functions, "registered", 2000, "functions to register by manifests in a folder")
	flag.IntVar(&o.instances, "instances", 8, "staged, and idle, instances to weigh")
	flag.DurationVar(&o.settle, "settle", 5*time.Second, "rest before memory is read")
	harness.Main("density", func(ctx context.Context) error { return run(ctx, o) })
}

type bench struct {
	options
	server *harness.Server
	echo   harness.Echo
	report *harness.Report
}

func run(ctx context.Context, o options) (err error) {
	if o.server.URL != "" {
		return errors.New("this bench restarts its server: leave -server out")
	}
	s, dir, end, err := harness.Begin(ctx, o.server, "density")
	if err != nil {
		return err
	}
	defer end(&err)
	b := &bench{options: o, server: s, report: harness.NewReport("density")}
	if b.echo, err = s.BuildEcho(ctx, dir); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{b.staged, b.idle, b.registered} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return b.report.Print(os.Stdout)
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }
