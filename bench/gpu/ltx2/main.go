// Command ltx2 asks what a clip with sound costs to denoise on a GPU: the transformer that functions/ltx2 builds for the published
// shapes, random weights, 768×512, 121 frames at 24 a second, the eight steps of the distilled checkpoints without guidance. It
// needs a CUDA GPU; see ../README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/ltx2"
)

type bench struct {
	dir, profile string
	layers       int64
	rounds       int
	report       *harness.Report
	target       engine.Device
	engine       engine.Engine
}

func main() {
	b := bench{}
	flag.StringVar(&b.dir, "dir", os.TempDir(), "folder for the graph and its weights; memory is best (/dev/shm)")
	device := flag.String("device", "cuda:0", "device")
	formats := flag.String("formats", "fp8,bf16", "which weights: fp32, bf16, fp8")
	models := flag.String("models", "2.0,2.3", "which shapes")
	flag.Int64Var(&b.layers, "layers", 48, "blocks of the transformer")
	flag.IntVar(&b.rounds, "rounds", 2, "clips of each, after one that is not counted")
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
					fmt.Println(model, format, "failed:", e)
				}
			}
		}
		return err
	})
}

// open builds a graph and opens it on the device.
func (b *bench) open(ctx context.Context, w ltx2.Workload, format string) (s engine.Session, took time.Duration, err error) {
	dir, err := os.MkdirTemp(b.dir, "videosdgx-ltx2-")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(dir)
	var m *onnx.Model
	if m, err = w.Model(); err != nil {
		return nil, 0, err
	}
	if err := formed(m, format); err != nil {
		return nil, 0, err
	}
	path, err := random.Store(dir, "transformer.onnx", m)
	if err != nil {
		return nil, 0, err
	}
	begin := time.Now()
	s, err = b.engine.Open(ctx, path, engine.Options{Device: b.target, Profile: b.profile})
	return s, time.Since(begin), err
}

// measure times whole clips: every step's pass, and the schedule on the host.
func (b *bench) measure(ctx context.Context, model, format string) error {
	w, err := ltx2.Published(model, b.layers)
	if err != nil {
		return err
	}
	s, opened, err := b.open(ctx, w, format)
	if err != nil {
		return err
	}
	defer s.Close()
	r := rand.New(rand.NewPCG(3, 4))
	gauss := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	name := "denoise_" + strings.ReplaceAll(model, ".", "_") + "_" + format
	var took, steps []float64
	for round := range b.rounds + 1 {
		begin := time.Now()
		last := begin
		latents, err := w.Denoise(ctx, s, gauss, func() {
			if round > 0 {
				steps = append(steps, time.Since(last).Seconds())
			}
			last = time.Now()
		})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(latents, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) }) {
			return errors.New("the latents are not finite")
		}
		if round > 0 {
			took = append(took, time.Since(begin).Seconds())
		}
		fmt.Printf("%s %s clip %d: %.3f s\n", model, format, round, time.Since(begin).Seconds())
	}
	b.report.Observe(name+"_s", took)
	b.report.Observe(name+"_step_s", steps)
	b.report.Figure(name+"_open_s", opened.Seconds())
	b.report.Figure(name+"_device_mib", harness.DeviceMiB(ctx))
	return nil
}
