// Command evict asks how four models share one GPU that has not room for all of them: a server with a simulated GPU of
// 128 GB gets calls for four functions with the footprints of the real models, busy ones and seldom ones, from several
// callers at once. Whatever comes, what is given to instances together must stay within the GPU, and every call must be
// answered; how many met a warm instance, and what making room costs, are the figures. The functions hold no device
// memory and only sleep, so that what is measured is placement, eviction and start, not a model.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type options struct {
	server     harness.Options
	n, callers int
	load, work time.Duration
}

func main() {
	o := options{server: harness.Options{Driver: "process"}}
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 400, "calls")
	flag.IntVar(&o.callers, "callers", 3, "callers at the same time")
	flag.DurationVar(&o.load, "load", 50*time.Millisecond, "how long a function takes to be ready")
	flag.DurationVar(&o.work, "work", 20*time.Millisecond, "how long one call works")
	harness.Main("evict", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) (err error) {
	if o.server.URL != "" || o.server.Driver != "process" {
		return errors.New("this bench starts a server of its own with a GPU that is not there, and the process driver: leave -server and -driver out")
	}
	dir, err := os.MkdirTemp("", "videosdgx-evict-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	library, err := simulate(ctx, dir)
	if err != nil {
		return err
	}
	o.server.Env = append(o.server.Env, "LD_LIBRARY_PATH="+library, fmt.Sprintf("SIMULATED_GPU_BYTES=%d", device))
	s, err := harness.Start(ctx, o.server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	echo, err := s.BuildEcho(ctx, dir)
	if err != nil {
		return err
	}
	for _, m := range models {
		if err := s.Deploy(ctx, m.name, echo, m.manifest(o.load)); err != nil {
			return err
		}
	}
	b := newBench(o, s)
	defer b.close()
	if err := harness.Rounds(ctx, b.round); err != nil {
		return err
	}
	return b.report()
}
