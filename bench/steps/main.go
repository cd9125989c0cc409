// Command steps asks what fewer predictions cost: on the demo checkpoint it makes the clips of drawn prompts, from the same
// seeds, in ways that differ in how many predictions they take, and has the judge look at them. -what cache compares thresholds of
// step_cache with every step exact, distilled a few-step LoRA with the full schedule, long the seams of continued clips with the
// frames inside, style a LoRA of a style with the model without it.
//
//	go run ./bench/steps -what cache -n 24 -keep FILE
//	go run ./bench/steps -what distilled -lora images/demo/loras/few-steps.safetensors
//	go run ./bench/steps -what style -lora images/demo/loras/striped.safetensors -n 32
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan"
)

type options struct {
	what, checkpoint, lora string
	n, predictions, frames int
	seed                   uint64
}

func main() {
	var o options
	flag.StringVar(&o.what, "what", "cache", "cache, distilled, long or style")
	flag.StringVar(&o.checkpoint, "checkpoint", "images/demo/wan21-tiny", "checkpoint")
	flag.StringVar(&o.lora, "lora", "", "the LoRA, for distilled and style")
	flag.IntVar(&o.n, "n", 24, "number of prompts")
	flag.IntVar(&o.predictions, "predictions", 0, "steps of each clip; 0: what is made says how many")
	flag.IntVar(&o.frames, "frames", 0, "frames of each clip, but for long's; 0: the model's")
	flag.Uint64Var(&o.seed, "seed", 1, "seed that the prompts are drawn from")
	harness.Main("steps", func(ctx context.Context) error { return o.run(ctx) })
}

func (o options) run(ctx context.Context) (err error) {
	if err := harness.UseKernels(ctx); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "videosdgx-steps-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	base := filepath.Join(dir, "plain")
	if _, err := serve.Build(ctx, o.checkpoint, base, wan.Recipe, bundle.Options{}); err != nil {
		return err
	}
	plain, err := open(ctx, base)
	if err != nil {
		return err
	}
	r := harness.NewReport("steps_" + o.what)
	switch o.what {
	case "cache":
		err = o.cache(ctx, r, plain)
	case "long":
		err = o.long(ctx, r, plain)
	case "style":
		var with handler.Model
		if with, err = o.merged(ctx, base, filepath.Join(dir, "with")); err == nil {
			err = o.style(ctx, r, plain, with)
		}
	case "distilled":
		var few handler.Model
		if few, err = o.merged(ctx, base, filepath.Join(dir, "few")); err == nil {
			err = o.compare(ctx, r, []way{{name: "full", model: plain}, {name: "few", model: few}})
		}
		if err == nil {
			r.Ratio("few_judge_over_full", "few_judge", "full_judge")
			r.Want("few_judge_over_full", "≥ 0.9")
			r.Ratio("clip_speedup", "full_seconds", "few_seconds")
			r.Want("clip_speedup", "≥ 4")
			r.Ratio("clip_cpu_speedup", "full_cpu_seconds", "few_cpu_seconds")
		}
	default:
		err = fmt.Errorf("-what %q: cache, distilled, long or style", o.what)
	}
	return errors.Join(err, r.Print(os.Stdout))
}

func open(ctx context.Context, dir string) (handler.Model, error) {
	b, err := serve.Open(ctx, dir, weights.VerifyOptions{})
	if err != nil {
		return nil, err
	}
	return wan.Open(ctx, b, wan.Family21)
}

// merged has the LoRA merged in. The header or the companion file of a few-step one says how it is walked.
func (o options) merged(ctx context.Context, base, dir string) (handler.Model, error) {
	d, err := serve.Derive(ctx, o.checkpoint, base, wan.Recipe, []bundle.LoRA{{Path: o.lora, Strength: 1}}, weights.VerifyOptions{})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if _, err := d.Build(ctx, dir, bundle.Options{}, weights.VerifyOptions{}); err != nil {
		return nil, err
	}
	return open(ctx, dir)
}

// cache is the table of step_cache.
func (o options) cache(ctx context.Context, r *harness.Report, m handler.Model) error {
	var ways []way
	for _, threshold := range []float64{0, 0.1, 0.2, 0.4, 0.8} {
		ways = append(ways, way{name: fmt.Sprintf("cache_%g", threshold), model: m, values: map[string]any{"step_cache": threshold}})
	}
	return o.compare(ctx, r, ways)
}
