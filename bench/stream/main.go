// Command stream asks how soon a clip that is sent while it is made can be watched, and whether its length costs memory. A tiny
// random MAGI-1 makes clips of ten seconds and of a minute in a process of their own, as its function does: frames go through the
// encoder, and the answer is read as a client reads it. first_chunk_share is the time to the first playable second over the time to
// the whole of the ten; peak_memory_growth is by how much the minute's peak memory differs from the ten seconds'.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/videosdgx/videosdgx/bench/harness"
)

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 3, "clips of each length")
	flag.IntVar(&o.brief, "brief", 10, "seconds of the shorter clips")
	flag.IntVar(&o.long, "long", 60, "seconds of the longer clips")
	flag.IntVar(&o.steps, "steps", 16, "denoising steps of each chunk")
	flag.StringVar(&o.tokenizer, "tokenizer", "images/demo/wan21-tiny/tokenizer", "a T5 tokenizer of 512 words")
	flag.StringVar(&o.bundle, "child-bundle", "", "for the program itself: make one clip of this bundle")
	flag.IntVar(&o.seconds, "child-seconds", 10, "for the program itself: of this length")
	harness.Main("stream", func(ctx context.Context) error {
		if o.bundle != "" {
			return child(ctx, o)
		}
		return o.run(ctx)
	})
}

type options struct {
	rounds, steps, seconds int
	brief, long            int
	tokenizer, bundle      string
}

func (o options) run(ctx context.Context) (err error) {
	if err := harness.UseKernels(ctx); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "videosdgx-stream-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bundle, err := build(ctx, dir, o.tokenizer)
	if err != nil {
		return err
	}
	r := harness.NewReport("stream")
	defer func() { err = errors.Join(err, r.Print(os.Stdout)) }()
	var share []float64
	peaks := map[int][]float64{}
	for round := range o.rounds {
		for _, seconds := range []int{o.brief, o.long} {
			m, err := o.clip(ctx, bundle, seconds)
			if err != nil {
				return err
			}
			fmt.Printf("round %d, %d s: first second after %.2f s, all after %.2f s, peak %.1f MB\n", round+1, seconds, m.First, m.All, float64(m.Peak)/1e6)
			if peaks[seconds] = append(peaks[seconds], float64(m.Peak)/1e6); seconds == o.brief {
				share = append(share, m.First/m.All)
			}
		}
	}
	r.Observe("first_chunk_share", share)
	brief, long := fmt.Sprintf("peak_%ds_mb", o.brief), fmt.Sprintf("peak_%ds_mb", o.long)
	r.Observe(brief, peaks[o.brief])
	r.Observe(long, peaks[o.long])
	r.Figure("peak_memory_growth", r.Figures[long]/r.Figures[brief]-1)
	r.Want("first_chunk_share", "≤ 0.25")
	r.Want("peak_memory_growth", "≤ 0.05")
	return nil
}
