// Command quality asks what quantized weights cost in quality. On the demo checkpoint it makes the clips of drawn prompts in
// float32 and in each format, from the same seeds, and compares: PSNR of the latents and of the clip against float32's, and
// what the judge says of each.
//
//	go run ./bench/quality -n 96 -keep quality.jsonl -readme functions/inference/quant/README.md
//
// -keep holds a line for each prompt; a later run with the same seed goes on from there, and several may share the work, each
// from another prompt on (-from). -readme rewrites the table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

type options struct {
	n, from    int
	seed       uint64
	steps      int
	checkpoint string
	keep       string
	readme     string
	formats    []string
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 96, "number of prompts")
	flag.IntVar(&o.from, "from", 0, "first prompt to make; those before are made by another run")
	flag.Uint64Var(&o.seed, "seed", 1, "seed that the prompts are drawn from")
	flag.IntVar(&o.steps, "steps", 0, "denoising steps; 0: the model's default")
	flag.StringVar(&o.checkpoint, "checkpoint", "images/demo/wan21-tiny", "checkpoint")
	flag.StringVar(&o.keep, "keep", "", "file of results, from which a later run goes on")
	flag.StringVar(&o.readme, "readme", "", "file whose table is rewritten")
	formats := flag.String("formats", "bf16,fp8,int8,nf4,nvfp4,int4", "formats to compare with float32")
	harness.Main("quality", func(ctx context.Context) error {
		o.formats = append([]string{bundle.None}, strings.Split(*formats, ",")...)
		return o.run(ctx)
	})
}

func (o options) run(ctx context.Context) (err error) {
	if err := harness.UseKernels(ctx); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "videosdgx-quality-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := open(o.keep, o.seed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := o.make(ctx, dir, s); err != nil {
		return err
	}
	prompts := s.below(o.n)
	r := harness.NewReport("quality")
	rows := o.figures(r, prompts)
	if err := r.Print(os.Stdout); err != nil {
		return err
	}
	table := tableOf(rows, len(prompts))
	fmt.Println(table)
	if o.readme == "" {
		return nil
	}
	return rewrite(o.readme, table)
}

// make goes on with the prompts that s lacks.
func (o options) make(ctx context.Context, dir string, s *store) error {
	draw := newDrawing(o.seed)
	var models []named
	for i := range o.n {
		p := draw.next()
		if i < o.from || s.has(i) {
			continue
		}
		if models == nil {
			var err error
			if models, err = o.models(ctx, dir); err != nil {
				return err
			}
		}
		result, err := compare(ctx, models, p, o.steps)
		if err != nil {
			return fmt.Errorf("prompt %d, %q: %w", i+1, p.text, err)
		}
		if err := s.add(i, result); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%3d/%d  %s\n", i+1, o.n, p.text)
	}
	return nil
}

func bundleDir(dir, format string) string { return filepath.Join(dir, format+".bundle") }
