// Command clips asks two things of the demo model on a GPU. Do its clips show their prompts as often as the CPU's do: the same
// prompts and seeds, in BF16 and with FP8 products, and on the CPU in the same run. And is all of the device's memory given back:
// rounds of a process that opens the model and makes a clip, ended by itself or by SIGKILL at a random moment. See ../README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

type bench struct {
	checkpoint, device string
	n, atOnce          int
	formats            []string
	cpu, rounds        int
	dir, attention     string
	report             *harness.Report
}

func main() {
	b := bench{}
	flag.StringVar(&b.checkpoint, "checkpoint", "images/demo/wan21-tiny", "the demo checkpoint")
	flag.StringVar(&b.device, "device", "cuda:0", "device")
	flag.IntVar(&b.n, "n", 96, "prompts; 0: none are judged")
	flag.IntVar(&b.atOnce, "at-once", 3, "clips at once on the GPU")
	flag.IntVar(&b.cpu, "cpu", 1, "clips at once on the CPU, for comparison; 0: none")
	flag.IntVar(&b.rounds, "rounds", 20, "rounds of start, clip and end")
	formats := flag.String("formats", "fp16,bf16,fp8", "weights' formats, as whole bundles: fp16 and bf16, in which they compute too; fp8, int8, int4, nf4, nvfp4, which compute as bundles do by default; fp8bf16, which computes in BF16")
	attention := flag.String("attention", "auto", "auto, exact, int8 or library; int8 is for heads of 128, which the demo does not have")
	child := flag.String("child", "", "be the process of a round: the bundle's folder")
	commit := flag.String("commit", "", "commit that this program was built from, where the checkout is elsewhere")
	harness.Main("clips", func(ctx context.Context) (err error) {
		if *child != "" {
			return one(ctx, *child)
		}
		b.formats, b.attention = strings.Split(*formats, ","), *attention
		b.report = harness.NewGPUReport(ctx, "clips", *commit)
		defer func() { err = errors.Join(err, b.report.Print(os.Stdout)) }()
		if b.dir, err = os.MkdirTemp("", "videosdgx-clips-"); err != nil {
			return err
		}
		defer os.RemoveAll(b.dir)
		return b.run(ctx)
	})
}

func (b *bench) run(ctx context.Context) error {
	os.Setenv(serve.AttentionEnv, b.attention)
	os.Setenv(serve.DeviceEnv, b.device) // the library is loaded for the device, and serves the CPU too
	for _, format := range b.formats {
		if err := b.build(ctx, format); err != nil {
			return fmt.Errorf("bundle in %s: %w", format, err)
		}
	}
	if b.rounds > 0 {
		if err := b.zero(ctx); err != nil {
			return err
		}
	}
	if b.n == 0 {
		return nil
	}
	return b.judgeAll(ctx)
}

// precision is the bundle's: weights that are not quantized are held on a GPU in what it computes in.
func precision(format string) (precision, activations string) {
	if format == "bf16" || format == "fp16" {
		return bundle.None, format
	}
	if weights, ok := strings.CutSuffix(format, "bf16"); ok {
		return weights, "bf16"
	}
	return format, bundle.Auto
}

// plain is the first format that the CPU has graphs for; empty: none.
func (b *bench) plain() string {
	i := slices.IndexFunc(b.formats, func(f string) bool { p, _ := precision(f); return p == bundle.None })
	if i < 0 {
		return ""
	}
	return b.formats[i]
}

// build makes a bundle for the GPU, and for the CPU where no operator of our own is needed there.
func (b *bench) build(ctx context.Context, format string) error {
	o := bundle.Options{Targets: []bundle.Target{serve.CUDA()}}
	if o.Precision, o.Activations = precision(format); o.Precision == bundle.None {
		cpu, err := serve.CPU()
		if err != nil {
			return err
		}
		o.Targets = append(o.Targets, cpu)
	}
	_, err := serve.Build(ctx, b.checkpoint, filepath.Join(b.dir, format), wan21.Recipe, o)
	return err
}
