package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/bench/gpu/random"
	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// A clip of 81 frames of 480×832 is a latent of 21×60×104, in patches of 1×2×2; its prompt is padded to 512 tokens.
var grid = [3]int64{21, 30, 52}

const (
	textTokens  = 512
	patchValues = 64
	guidance    = 5
	warm        = 2
)

// scheduler is that of the published checkpoints.
const scheduler = `{"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction", "use_flow_sigmas": true, "flow_shift": 3.0}`

type bench struct {
	dir, device, python, profile string
	steps, record, abreast       int
	capability                   int // of the GPU, 90 for 9.0
	check                        bool
	report                       *harness.Report
	target                       engine.Device
	engine                       engine.Engine
	over                         []spread
}

func (b *bench) run(ctx context.Context, models []string, formats []kind) (err error) {
	for _, model := range models {
		c, ok := shapes[model]
		if !ok {
			return fmt.Errorf("shapes %q are none of 1.3b, 14b", model)
		}
		if b.check {
			if err := b.compare(ctx, model, c, formats); err != nil {
				return err
			}
			continue
		}
		for _, format := range formats {
			if err := b.compareSpreads(ctx, model, format, c); err != nil {
				return fmt.Errorf("%s %s: %w", model, format, err)
			}
		}
		if b.python != "" {
			if err := b.reference(ctx, model, c); err != nil {
				return fmt.Errorf("%s, reference: %w", model, err)
			}
		}
	}
	b.limits()
	return nil
}

// open builds a graph and opens it on the device.
func (b *bench) open(ctx context.Context, format kind, c wan21.TransformerConfig) (s engine.Session, took time.Duration, err error) {
	dir, err := os.MkdirTemp(b.dir, "videosdgx-step-")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(dir)
	path, err := write(dir, format, c, b.capability)
	if err != nil {
		return nil, 0, err
	}
	begin := time.Now()
	s, err = b.engine.Open(ctx, path, engine.Options{Device: b.target, Profile: b.profile, Record: b.record})
	return s, time.Since(begin), err
}

// conditions are a run's inputs but the latent: on the device from the first run on.
func (b *bench) conditions(ctx context.Context, r *rand.Rand, g [3]int64, head int64) (engine.Values, error) {
	side := 2 * (head / 6)
	cos, sin := nn.RotaryTables(10000, nn.RotaryAxis{Dim: head - 2*side, Size: g[0]}, nn.RotaryAxis{Dim: side, Size: g[1]}, nn.RotaryAxis{Dim: side, Size: g[2]})
	n := g[0] * g[1] * g[2]
	in := engine.Values{}
	for name, t := range map[string]engine.Tensor{
		"context": random.Gauss(r, 1, textTokens, 4096), "cos": engine.Floats(cos, 1, n, head/2), "sin": engine.Floats(sin, 1, n, head/2),
	} {
		v, err := b.engine.Place(ctx, t, b.target)
		if err != nil {
			return nil, err
		}
		in[name] = v
	}
	return in, nil
}

// measure times whole steps, two predictions, guidance and the scheduler on the host, under a name, and gives the latents that they end at.
func (b *bench) measure(ctx context.Context, name string, format kind, c wan21.TransformerConfig) ([]float32, error) {
	s, opened, err := b.open(ctx, format, c)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r := rand.New(rand.NewPCG(3, 4))
	cond, err := b.conditions(ctx, r, grid, c.HeadDim)
	if err != nil {
		return nil, err
	}
	defer cond.Close()
	uncond, err := b.conditions(ctx, r, grid, c.HeadDim)
	if err != nil {
		return nil, err
	}
	defer uncond.Close()
	n := grid[0] * grid[1] * grid[2]
	latents := random.Gauss(r, 1, n, patchValues)
	sched, err := schedule.FromJSON([]byte(scheduler), schedule.Options{Steps: b.steps + warm})
	if err != nil {
		return nil, err
	}
	var took []float64
	for i, t := range sched.Timesteps() {
		begin := time.Now()
		var v, u []float32
		halves, half := errgroup.WithContext(ctx)
		halves.SetLimit(max(engine.Width(s), b.abreast))
		halves.Go(func() (err error) { v, err = b.predict(half, s, cond, latents, t); return })
		halves.Go(func() (err error) { u, err = b.predict(half, s, uncond, latents, t); return })
		if err := halves.Wait(); err != nil {
			return nil, err
		}
		predicted := time.Now()
		schedule.Guide(v, u, guidance)
		if err := sched.Step(latents.Float32(), v); err != nil {
			return nil, err
		}
		if i >= warm {
			took = append(took, time.Since(begin).Seconds())
		}
		fmt.Printf("%s %d: %.3f s, of it %.1f ms behind the predictions\n", name, i, time.Since(begin).Seconds(), time.Since(predicted).Seconds()*1e3)
	}
	if !finite(latents.Float32()) {
		return nil, errors.New("the latents are not finite")
	}
	b.report.Observe(name+"_s", took)
	b.report.Figure(name+"_open_s", opened.Seconds())
	b.report.Figure(name+"_tflop_per_s", 2*flops(c)/b.report.Figures[name+"_s"]/1e12)
	b.report.Figure(name+"_device_mib", harness.DeviceMiB(ctx))
	return latents.Float32(), nil
}

func (b *bench) predict(ctx context.Context, s engine.Session, in engine.Values, latents engine.Tensor, t float32) ([]float32, error) {
	in["tokens"], in["time"] = latents, engine.Floats(nn.Sinusoid(t, 256), 1, 256)
	out, err := s.Run(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.Float32("sample"), nil
}

// flops of one prediction: products and attention.
func flops(c wan21.TransformerConfig) float64 {
	n, d, f, t := float64(grid[0]*grid[1]*grid[2]), float64(c.Dim()), float64(c.FFNDim), float64(textTokens)
	layer := 2*n*d*d*6 + 2*t*d*d*2 + 4*n*d*f + 4*n*n*d + 4*n*t*d
	return float64(c.NumLayers) * layer
}

func finite(v []float32) bool {
	return !slices.ContainsFunc(v, func(x float32) bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) })
}
