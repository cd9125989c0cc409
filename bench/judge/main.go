// Command judge draws prompts, has a server make a clip of each, and says how often the clips show what was asked for:
//
//	go run ./bench/judge -n 32 -seed 1
//	go run ./bench/judge -n 32 -seed 1 -server http://127.0.0.1:9000 -model wan21
//
// Without -server it builds the programs, a bundle of the demo checkpoint and the wan21 function, and starts a server
// of its own. It prints a line for each prompt, a table, and one line of JSON.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/judge/shapes"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
)

type options struct {
	server     harness.Options
	n          int
	seed       uint64
	function   string
	checkpoint string
	steps      int
	keep       string
	bare       bool
}

func main() {
	var o options
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 32, "number of prompts")
	flag.Uint64Var(&o.seed, "seed", 1, "seed that the prompts are drawn from")
	flag.StringVar(&o.function, "model", "wan21", "function to call")
	flag.StringVar(&o.checkpoint, "checkpoint", "images/demo/wan21-tiny", "checkpoint for the started server")
	flag.IntVar(&o.steps, "steps", 0, "denoising steps; 0: the model's default")
	flag.StringVar(&o.keep, "keep", "", "folder to keep the clips in")
	flag.BoolVar(&o.bare, "truth", false, "judge drawn clips that show their prompts exactly: a check of the judge, without a server")
	harness.Main("judge", func(ctx context.Context) error { return o.run(ctx, os.Stdout) })
}

func (o options) run(ctx context.Context, w io.Writer) error {
	if o.n < 1 {
		return errors.New("-n must be at least 1")
	}
	make, stop, err := o.source(ctx)
	if err != nil {
		return err
	}
	tally, err := o.judge(ctx, w, make)
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	return tally.print(w)
}

// maker makes the clip of a prompt.
type maker func(ctx context.Context, s shapes.Spec, prompt string, seed uint64) (*shapes.Clip, error)

func (o options) source(ctx context.Context) (maker, func() error, error) {
	if o.bare {
		return func(_ context.Context, s shapes.Spec, _ string, seed uint64) (*shapes.Clip, error) {
			return shapes.Render(s, shapes.Rand(seed), 33, 128), nil
		}, func() error { return nil }, nil
	}
	return o.start(ctx)
}

// tally is the score so far.
type tally struct {
	n                         int
	color, motion, background int
	took                      *harness.Samples
}

func (o options) judge(ctx context.Context, w io.Writer, make maker) (*tally, error) {
	r, sum := shapes.Rand(o.seed), &tally{took: harness.NewSamples()}
	for i := range o.n {
		s := shapes.Draw(r)
		prompt := s.Caption(r)
		start := time.Now()
		clip, err := make(ctx, s, prompt, (o.seed<<20+uint64(i))&(1<<53-1)) // what JSON keeps exactly
		if err != nil {
			return nil, fmt.Errorf("prompt %d, %q: %w", i+1, prompt, err)
		}
		sum.took.Add(time.Since(start))
		v := verdict.Judge(clip, s)
		sum.add(v)
		fmt.Fprintf(w, "%3d  colour %s  motion %s  background %s  %5.1f s  %s\n", i+1, mark(v.Color), mark(v.Motion), mark(v.Background), time.Since(start).Seconds(), prompt)
	}
	return sum, nil
}

func mark(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

func (t *tally) add(v verdict.Verdict) {
	t.n++
	for _, k := range []struct {
		ok  bool
		sum *int
	}{{v.Color, &t.color}, {v.Motion, &t.motion}, {v.Background, &t.background}} {
		if k.ok {
			*k.sum++
		}
	}
}

func (t *tally) print(w io.Writer) error {
	r := harness.NewReport("judge")
	share := func(n int) float64 { return float64(n) / float64(t.n) }
	for _, k := range []struct {
		name, want string
		n          int
	}{{"color", "≥ 0.65", t.color}, {"motion", "≥ 0.75", t.motion}, {"background", "≥ 0.75", t.background}} {
		r.Figure(k.name, share(k.n))
		r.Want(k.name, k.want)
	}
	r.Figure("prompts", float64(t.n))
	r.Figure("clip_p50_s", t.took.Ms(50)/1000)
	fmt.Fprintln(w)
	return r.Print(w)
}
