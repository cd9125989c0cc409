// Command judge draws prompts, has a server make a clip of each, and says how often the clips show what was asked for:
//
//	go run ./bench/judge -n 32 -seed 1
//	go run ./bench/judge -n 32 -seed 1 -server http://127.0.0.1:9000 -model wan21
//	go run ./bench/judge -model ltx2 -n 96 -prompts images/demo/ltx2-tiny/reference.json
//	go run ./bench/judge -lora images/demo/loras/striped.safetensors -striped
//
// Without -server it builds the programs, a bundle of the demo checkpoint and the function, and starts a server of its own.
// It prints a line for each prompt, a table, and one line of JSON. The clips of ltx2 are listened to, too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
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
	lora       string
	file       string
	steps      int
	keep       string
	striped    bool
	bare       bool
}

func main() {
	var o options
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 32, "number of prompts")
	flag.Uint64Var(&o.seed, "seed", 1, "seed that the prompts are drawn from")
	flag.StringVar(&o.function, "model", "wan21", "function to call: wan21, or ltx2, whose clips have sound")
	flag.StringVar(&o.checkpoint, "checkpoint", "", "checkpoint for the started server; empty: images/demo/MODEL-tiny")
	flag.StringVar(&o.lora, "lora", "", "LoRA to merge into the checkpoint")
	flag.StringVar(&o.file, "prompts", "", "JSON file to take the prompts from, in place of drawing them")
	flag.IntVar(&o.steps, "steps", 0, "denoising steps; 0: the model's default")
	flag.StringVar(&o.keep, "keep", "", "folder to keep the clips in")
	flag.BoolVar(&o.striped, "striped", false, "ask for striped shapes, and count them")
	flag.BoolVar(&o.bare, "truth", false, "judge drawn clips that show their prompts exactly: a check of the judge, without a server")
	harness.Main("judge", func(ctx context.Context) error { return o.run(ctx, os.Stdout) })
}

// sounds says whether the clips have sound.
func (o options) sounds() bool { return o.function == "ltx2" }

func (o options) draw(r *rand.Rand) shapes.Spec {
	if o.sounds() {
		return shapes.DrawSounding(r)
	}
	return shapes.Draw(r)
}

func (o options) run(ctx context.Context, w io.Writer) error {
	if o.n < 1 {
		return errors.New("-n must be at least 1")
	}
	if o.checkpoint == "" {
		o.checkpoint = "images/demo/" + o.function + "-tiny"
	}
	all, err := o.prompts()
	if err != nil {
		return err
	}
	make, stop, err := o.source(ctx)
	if err != nil {
		return err
	}
	tally, err := o.judge(ctx, w, all, make)
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	return tally.print(w)
}

// maker makes the clip of a prompt, and its sound where it has one.
type maker func(ctx context.Context, a asked) (*shapes.Clip, shapes.Wave, error)

func (o options) source(ctx context.Context) (maker, func() error, error) {
	if o.bare {
		return o.draws, func() error { return nil }, nil
	}
	return o.start(ctx)
}

// draws makes clips that are as they should be.
func (o options) draws(_ context.Context, a asked) (*shapes.Clip, shapes.Wave, error) {
	r := shapes.Rand(a.seed)
	if o.sounds() {
		c, w := shapes.RenderSounding(a.spec, r, 33, 96)
		return c, w, nil
	}
	return shapes.Render(a.spec, r, 33, 128), nil, nil
}

func (o options) judge(ctx context.Context, w io.Writer, all []asked, make maker) (*tally, error) {
	sum := newTally()
	for i, a := range all {
		start := time.Now()
		clip, wave, err := make(ctx, a)
		if err != nil {
			return nil, fmt.Errorf("prompt %d, %q: %w", i+1, a.prompt, err)
		}
		sum.took.Add(time.Since(start))
		line := sum.see(clip, a.spec)
		if o.sounds() {
			line += sum.hear(clip, wave, a.spec)
		} else if striped := sum.count("striped", verdict.Striped(clip, a.spec.Background)); o.striped {
			line += striped
		}
		fmt.Fprintf(w, "%3d %s  %5.1f s  %s\n", i+1, line, time.Since(start).Seconds(), a.prompt)
	}
	return sum, nil
}
