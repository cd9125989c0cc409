// Command jobs asks of the queue what its users depend on: that kill -9 of the control plane, of nodes and of Redis at
// random moments under load loses no job, doubles none and shows no half file; and what a long queue and many watchers
// cost. It starts servers of its own, with the process driver and a function that makes verifiable clips at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

type bench struct {
	dir, bin, clip    string
	kills, redisKills int
	between           time.Duration
	queued, watchers  int
}

func main() {
	var b bench
	var parts string
	flag.StringVar(&b.bin, "bin", "", "videosdgx binary to start; empty: build the checkout's")
	flag.StringVar(&parts, "parts", "kill,queue,redis", "which questions to ask")
	flag.IntVar(&b.kills, "kills", 200, "kill -9 of the control plane")
	flag.IntVar(&b.redisKills, "redis-kills", 60, "kill -9 of nodes, and of Redis every fifth time")
	flag.DurationVar(&b.between, "between", 400*time.Millisecond, "longest time between a start and a kill")
	flag.IntVar(&b.queued, "queued", 10_000, "jobs in the long queue")
	flag.IntVar(&b.watchers, "watchers", 500, "event streams on one job")
	harness.Main("jobs", func(ctx context.Context) error {
		return b.run(ctx, strings.Split(parts, ","))
	})
}

func (b *bench) run(ctx context.Context, parts []string) (err error) {
	if b.dir, err = os.MkdirTemp("", "videosdgx-jobs-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.build(ctx); err != nil {
		return err
	}
	r := harness.NewReport("jobs")
	var failed error
	for _, name := range parts {
		ask := map[string]func(context.Context, *bench, *harness.Report) error{"kill": kills, "queue": queue, "redis": cluster}[name]
		if ask == nil {
			return fmt.Errorf("-parts has %q: there are kill, queue and redis", name)
		}
		if err := ask(ctx, b, r); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(failed, r.Print(os.Stdout))
}

func (b *bench) build(ctx context.Context) (err error) {
	if b.bin == "" {
		if b.bin, err = harness.Build(ctx, b.dir); err != nil {
			return err
		}
	}
	b.clip = filepath.Join(b.dir, "clip")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", b.clip, "github.com/videosdgx/videosdgx/bench/jobs/clip")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build clip: %w\n%s", err, out)
	}
	return nil
}

func (b *bench) place(name, delay string, concurrency int) (*place, error) {
	return newPlace(filepath.Join(b.dir, name), b.bin, b.clip, delay, concurrency)
}

// complain makes a bench whose promise was broken fail, with what was found.
func (b *bench) complain(v *verdict) error {
	if len(v.findings) == 0 {
		return nil
	}
	return errors.New(strings.Join(v.findings, "\n"))
}
