// Command cold asks how long the first byte of an answer takes when nothing of the function runs: absent (no container at
// all), staged (a container is created, its process not started) and from a snapshot, with the static Go function and an
// event that does no work; and, from absent, with images that are larger by files that nobody reads.
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
	images    string
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 100, "cold starts per question")
	flag.IntVar(&o.warmup, "warmup", 5, "cold starts per question before that are not counted")
	flag.StringVar(&o.images, "images", "64MiB,256MiB,1GiB", "sizes of what images hold besides the function; empty: leave them out")
	harness.Main("cold", func(ctx context.Context) error { return run(ctx, o) })
}

type bench struct {
	options
	server *harness.Server
	dir    string
	report *harness.Report
	asked  []question
}

// question is a function in a state.
type question struct {
	name  string
	first *harness.FirstByte
}

func run(ctx context.Context, o options) (err error) {
	s, dir, end, err := harness.Begin(ctx, o.server, "cold")
	if err != nil {
		return err
	}
	defer end(&err)
	b := &bench{options: o, server: s, dir: dir, report: harness.NewReport("cold")}
	defer func() { err = errors.Join(err, b.close(context.WithoutCancel(ctx))) }()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if err := harness.Rounds(ctx, b.round); err != nil {
		return err
	}
	for _, q := range b.asked {
		q.first.Report(b.report, q.name)
	}
	b.report.Want("absent_first_byte_p50_ms", "≤ 90")
	b.report.Want("staged_first_byte_p50_ms", "≤ 30")
	b.imageRatio()
	return b.report.Print(os.Stdout)
}

// round makes a part of the cold starts, one of each question at a time.
func (b *bench) round(ctx context.Context, round int) error {
	for range harness.Share(b.n, round) {
		for _, q := range b.asked {
			if err := q.first.Once(ctx); err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
		}
	}
	return nil
}

func function(name string) string { return fmt.Sprintf("bench-cold-%s-%d", name, os.Getpid()) }

// close removes the functions.
func (b *bench) close(ctx context.Context) (err error) {
	for _, q := range b.asked {
		q.first.Close()
		err = errors.Join(err, b.server.Undeploy(ctx, function(q.name)))
	}
	return err
}
