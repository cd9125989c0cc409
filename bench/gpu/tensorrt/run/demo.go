package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/accept"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// plain is the name of float32's graphs.
const plain = "plain"

var graphs = []string{"text_encoder", "transformer", "vae_decoder_first", "vae_decoder_next"}

// form is how the demo runs as plans.
type form struct {
	name, precision string
	limit           float64 // of a component's error; 0: none is asked
}

// demo asks of the demo model what a person would see. A plan that cannot be built leaves the others' figures.
func (b *bench) demo(ctx context.Context, f form) (err error) {
	if b.watched == nil {
		if b.watched, err = b.reference(ctx); err != nil {
			return err
		}
	}
	return b.form(ctx, f, b.watched)
}

// reference builds the bundles and makes the smallest and the default clip in float32, watching.
func (b *bench) reference(ctx context.Context) (*record.Engine, error) {
	for _, precision := range []string{bundle.None, "int8"} {
		o := bundle.Options{Precision: precision, Targets: []bundle.Target{serve.TensorRT()}}
		if precision == bundle.None {
			o.Targets = append(o.Targets, bundle.Target{Engine: plain})
		}
		if _, err := serve.Build(ctx, b.checkpoint, filepath.Join(b.dir, precision), wan21.Recipe, o); err != nil {
			return nil, err
		}
	}
	watched := record.New(b.ort)
	watched.Keep(4)
	model, err := b.model(bundle.None, plain, watched, b.beside)(ctx)
	if err != nil {
		return nil, err
	}
	defer closeModel(model)
	d := model.Describe()
	least := d.Defaults
	least.Width, least.Height, least.NumFrames = d.Limits.WidthMultiple, d.Limits.HeightMultiple, 1+2*d.Limits.FrameStep
	longest, err := d.Limits.LongestPrompt()
	if err != nil {
		return nil, err
	}
	d.Defaults.Prompt, least.Prompt = longest, "a"
	for _, r := range []handler.Request{d.Defaults, least} {
		r.Seed, r.Steps = 7, 2
		if err := model.Generate(ctx, r, silence()); err != nil {
			return nil, err
		}
	}
	return watched, nil
}

func silence() handler.Output {
	return handler.Output{Progress: func(handler.Progress) {}, Frame: func([]byte) error { return nil }, Latents: func([]float32) {}}
}

type opener func(ctx context.Context) (handler.Model, error)

// model opens a bundle's graphs of a kind with an engine.
func (b *bench) model(precision, kind string, e engine.Engine, at engine.Device) opener {
	return func(ctx context.Context) (handler.Model, error) {
		w, err := weights.OpenBundle(ctx, filepath.Join(b.dir, precision), weights.VerifyOptions{})
		if err != nil {
			return nil, err
		}
		return wan21.Open(ctx, &bundle.Model{Bundle: w, Engine: e, Options: engine.Options{Device: at}, Graphs: kind})
	}
}

func closeModel(m handler.Model) {
	if c, ok := m.(interface{ Close() error }); ok {
		_ = c.Close() // what is measured has been
	}
}

// form builds, compares, times and judges the demo in one form.
func (b *bench) form(ctx context.Context, f form, watched *record.Engine) error {
	plans, failed := b.build(ctx, f, watched)
	before := harness.DeviceMiB(ctx)
	e := b.runs()
	err := errors.Join(failed, b.parity(ctx, f, e, plans, watched))
	if failed == nil {
		err = errors.Join(err, b.cold(ctx, f, plans, watched), b.clips(ctx, f, built{e, plans}))
	}
	b.figure("demo_"+f.name+"_bytes_left", float64(e.Used()))
	e.Close()
	time.Sleep(time.Second) // the driver gives back a little later
	b.figure("demo_"+f.name+"_mib_left", harness.DeviceMiB(ctx)-before)
	return err
}

// build builds the plans of a form, several at once.
func (b *bench) build(ctx context.Context, f form, watched *record.Engine) (map[string]string, error) {
	paths, errs := make([]string, len(graphs)), make([]error, len(graphs))
	var g errgroup.Group
	g.SetLimit(max(b.builders, 1))
	for i, name := range graphs {
		g.Go(func() error {
			path := filepath.Join(b.dir, f.precision, bundle.GraphFile(name, "tensorrt"))
			r := tensorrt.Recipe{}
			if f.name == "int8" {
				if r.Scales, errs[i] = accept.Scales(ctx, b.ort, path, watched.Captures(name)); errs[i] != nil {
					return nil
				}
			}
			paths[i], errs[i] = b.plan(ctx, path, "demo_"+name+"_"+f.name, watched.Shapes(name), r)
			return nil
		})
	}
	_ = g.Wait() // each has its own error
	plans := map[string]string{}
	for i, name := range graphs {
		if errs[i] == nil {
			plans[name] = paths[i]
		}
	}
	return plans, errors.Join(errs...)
}

// parity compares every component with float32.
func (b *bench) parity(ctx context.Context, f form, e engine.Engine, plans map[string]string, watched *record.Engine) error {
	for _, g := range graphs {
		if plans[g] == "" {
			continue
		}
		s, err := e.Open(ctx, plans[g], engine.Options{Device: b.at})
		if err != nil {
			return fmt.Errorf("open the plan of %s: %w", g, err)
		}
		v, err := accept.Compare(ctx, s, watched.Captures(g), f.limit)
		s.Close()
		if err != nil {
			return fmt.Errorf("compare %s: %w", g, err)
		}
		name := "demo_" + g + "_" + f.name + "_error"
		b.figure(name, v.Worst)
		if f.limit > 0 {
			b.report.Want(name, fmt.Sprintf("≤ %g", f.limit))
		}
	}
	return nil
}

// cold is how long it takes from nothing to a first step of the transformer, and to one after its plan has left the device while
// the process stayed.
func (b *bench) cold(ctx context.Context, f form, plans map[string]string, watched *record.Engine) error {
	const g = "transformer"
	in, e := watched.Captures(g)[0].Inputs, b.runs()
	defer e.Close()
	var s engine.Session
	step := func() error { _, err := s.Run(ctx, in); return err }
	took, err := seconds(func() (err error) {
		if s, err = e.Open(ctx, plans[g], engine.Options{Device: b.at}); err != nil {
			return err
		}
		return step()
	})
	if err != nil {
		return err
	}
	defer s.Close()
	b.figure("demo_"+f.name+"_plan_cold_ms", 1e3*took)
	held := e.Used()
	took, _ = seconds(func() error { e.Rest(); return nil })
	b.figure("demo_"+f.name+"_rest_ms", 1e3*took)
	b.figure("demo_"+f.name+"_held_bytes", float64(held))
	b.figure("demo_"+f.name+"_resting_bytes", float64(e.Used()))
	took, err = seconds(step)
	b.figure("demo_"+f.name+"_wake_ms", 1e3*took)
	return err
}

func (b *bench) clips(ctx context.Context, f form, e built) (err error) {
	if b.want == nil && b.n > 0 {
		want, err := b.judged(ctx, "fp32", b.model(bundle.None, plain, b.ort, b.beside))
		if err != nil {
			return err
		}
		b.want = &want
	}
	got, err := b.judged(ctx, f.name, b.model(f.precision, "tensorrt", e, b.at))
	if err != nil || b.n == 0 {
		return err
	}
	name := "judge_" + f.name + "_off_fp32"
	b.figure(name, got.Off(*b.want, b.n))
	b.report.Want(name, "≤ 0.03")
	return nil
}
