// Command ltx2 asks what a clip with sound costs on a GPU, by stage: the graphs that functions/ltx2 builds for the published shapes,
// random weights, 768×512, 121 frames at 24 a second, a prompt of 1024 tokens, the eight steps of the distilled checkpoints without
// guidance, then the sound, the pictures and the file. It needs a CUDA GPU; see ../README.md. `-models tiny -formats fp32 -device
// cpu` takes a model that has every part and no GPU, to try the program.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/ltx2"
)

type bench struct {
	dir, profile string
	layers       int64
	rounds       int
	stages       string // that are wanted; empty: all
	report       *harness.Report
	target       engine.Device
	engine       engine.Engine
	began        time.Time
}

func main() {
	b := bench{began: time.Now()}
	flag.StringVar(&b.dir, "dir", os.TempDir(), "folder for the graphs and their weights; memory is best (/dev/shm)")
	device := flag.String("device", "cuda:0", "device")
	formats := flag.String("formats", "fp8,fp8bf16,fp16,bf16", "which: fp32; fp16 and fp8, activations as bundles have them by default, and bf16 and fp8bf16, all of them in BF16")
	models := flag.String("models", "2.0,2.3", "which shapes: 2.0, whose every part is known, 2.3, of which the transformer is, tiny")
	flag.Int64Var(&b.layers, "layers", 48, "blocks of the transformer")
	flag.IntVar(&b.rounds, "rounds", 2, "clips of each, after one that is not counted")
	flag.StringVar(&b.stages, "stages", "", "which stages, separated by commas: text, connectors, denoise, audio_vae, vocoder, video_vae, mp4; empty: all")
	flag.StringVar(&b.profile, "profile", "", "prefix of files with the time of every node")
	commit := flag.String("commit", "", "commit that this program was built from, where the checkout is elsewhere")
	harness.Main("ltx2", func(ctx context.Context) (err error) {
		b.report = harness.NewGPUReport(ctx, "ltx2", *commit)
		defer func() { err = errors.Join(err, b.report.Print(os.Stdout)) }()
		if b.target, err = engine.ParseDevice(*device); err != nil {
			return err
		}
		if b.engine, err = ort.LoadFor(b.target); err != nil {
			return err
		}
		for model := range strings.SplitSeq(*models, ",") {
			for format := range strings.SplitSeq(*formats, ",") {
				if e := b.measure(ctx, model, format); e != nil { // the others are still worth their time
					err = errors.Join(err, fmt.Errorf("%s %s: %w", model, format, e))
					b.say("%s %s failed: %v", model, format, e)
				}
			}
		}
		return err
	})
}

// say prints a line at once, with the time since the beginning: what fails later does not lose it.
func (b *bench) say(format string, args ...any) {
	fmt.Printf("%7.2f s  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// session builds a graph and opens it on the device.
func (b *bench) session(ctx context.Context, g bundle.Graph, format string) (s engine.Session, took time.Duration, err error) {
	dir, err := os.MkdirTemp(b.dir, "videosdgx-ltx2-")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(dir)
	m, err := graph(g, format)
	if err != nil {
		return nil, 0, err
	}
	path, err := random.Store(dir, g.Name+".onnx", m)
	if err != nil {
		return nil, 0, err
	}
	o := engine.Options{Device: b.target, Coarse: format != "fp32" && slices.Contains(ltx2.Looked(), g.Name)}
	if b.profile != "" {
		o.Profile = b.profile + "-" + g.Name
	}
	begin := time.Now()
	s, err = b.engine.Open(ctx, path, o)
	return s, time.Since(begin), err
}

// measure makes whole clips of a model in a format.
func (b *bench) measure(ctx context.Context, model, format string) error {
	w, err := ltx2.Published(model, b.layers)
	if err != nil {
		return err
	}
	r := newRequest(b, w, model, format)
	defer r.graphs.close()
	r.open(ctx, format)
	for round := range b.rounds + 1 {
		r.clip(ctx, round)
	}
	r.short(ctx)
	return r.done(ctx)
}
