package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/bench/judge/verdict"
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
func (b *bench) demo(ctx context.Context, f form) error {
	if err := b.watch(ctx); err != nil {
		return err
	}
	return b.form(ctx, f, b.watched)
}

// watch has b.watched know the demo's shapes.
func (b *bench) watch(ctx context.Context) (err error) {
	if b.watched == nil {
		b.watched, err = b.reference(ctx)
	}
	return err
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

// form builds, compares, times and judges the demo in one form. Clips in float32 are judged while plans are built.
func (b *bench) form(ctx context.Context, f form, watched *record.Engine) error {
	if b.want == nil {
		b.want = later(func() (verdict.Score, error) { return b.inFP32(ctx) })
	}
	plans, failed := b.build(ctx, f, watched)
	e := b.runs()
	err := errors.Join(failed, b.parity(ctx, f, e, plans, watched))
	if len(plans) == len(graphs) {
		err = errors.Join(err, b.cold(ctx, f, plans, watched), b.clips(ctx, f, built{e, plans}))
	}
	b.figure("demo_"+f.name+"_bytes_left", float64(e.Used()))
	e.Close()
	return err
}

// later begins f and gives what it gave to whoever asks.
func later[T any](f func() (T, error)) func() (T, error) {
	done := make(chan struct{})
	var v T
	var err error
	go func() { defer close(done); v, err = f() }()
	return func() (T, error) { <-done; return v, err }
}

// build builds the plans of a form, several at once.
func (b *bench) build(ctx context.Context, f form, watched *record.Engine) (map[string]string, error) {
	paths, errs := make([]string, len(graphs)), make([]error, len(graphs))
	var g errgroup.Group
	g.SetLimit(max(b.builders, 1))
	for i, name := range graphs {
		g.Go(func() error {
			paths[i], errs[i] = b.one(ctx, f, name, watched)
			return nil
		})
	}
	_ = g.Wait() // each has its own error
	plans := map[string]string{}
	for i, name := range graphs {
		if paths[i] != "" {
			plans[name] = paths[i]
		}
	}
	return plans, errors.Join(errs...)
}

// one builds the plan of one graph in a form. What has no product in INT8 is FP16's plan, which another run may be building. Where
// TensorRT refuses INT8's, the graph runs in FP16 from the same INT8 weights, and the error is told all the same.
func (b *bench) one(ctx context.Context, f form, name string, watched *record.Engine) (string, error) {
	plan := func(precision, figure string, r tensorrt.Recipe) (string, error) {
		return b.plan(ctx, filepath.Join(b.dir, precision, bundle.GraphFile(name, "tensorrt")), "demo_"+name+"_"+figure, watched.Shapes(name), r)
	}
	if f.name != "int8" {
		return plan(f.precision, f.name, tensorrt.Recipe{})
	}
	scales, err := accept.Scales(ctx, b.ort, filepath.Join(b.dir, f.precision, bundle.GraphFile(name, "tensorrt")), watched.Captures(name))
	if err != nil {
		return "", err
	}
	if len(scales) == 0 {
		return plan(bundle.None, "fp16", tensorrt.Recipe{})
	}
	path, err := plan(f.precision, f.name, tensorrt.Recipe{Scales: scales})
	if err != nil && ctx.Err() == nil {
		b.note("%s runs in FP16 from INT8 weights instead", name)
		var e error
		path, e = plan(f.precision, "fp16_from_int8", tensorrt.Recipe{})
		err = errors.Join(err, e)
	}
	return path, err
}

// parity compares every component with float32: those whose plan is of this form.
func (b *bench) parity(ctx context.Context, f form, e engine.Engine, plans map[string]string, watched *record.Engine) (failed error) {
	for _, g := range graphs {
		if plans[g] == "" || !strings.Contains(plans[g], f.name) {
			continue
		}
		s, err := e.Open(ctx, plans[g], engine.Options{Device: b.at})
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("open the plan of %s: %w", g, err))
			continue
		}
		v, err := accept.Compare(ctx, s, watched.Captures(g), f.limit)
		s.Close()
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("compare %s: %w", g, err))
			continue
		}
		limit := ""
		if f.limit > 0 {
			limit = fmt.Sprintf("≤ %g", f.limit)
		}
		b.wanted("demo_"+g+"_"+f.name+"_error", v.Worst, limit)
	}
	return failed
}

// cold is how long it takes from nothing to a first step of the transformer, to one after its plan has left the device while the
// process stayed, and what the device has back once it is closed: by the driver's count, in the second round, when whatever the
// process keeps for good is there.
func (b *bench) cold(ctx context.Context, f form, plans map[string]string, watched *record.Engine) error {
	e := b.runs()
	defer e.Close()
	return b.quiet(ctx, func() error {
		if err := b.awake(ctx, f, e, plans["transformer"], watched.Captures("transformer")[0].Inputs); err != nil {
			return err
		}
		return b.givenBack(ctx, f, e, plans["transformer"], watched.Captures("transformer")[0].Inputs)
	})
}

func (b *bench) awake(ctx context.Context, f form, e runner, plan string, in engine.Values) error {
	var s engine.Session
	step := func() error { _, err := s.Run(ctx, in); return err }
	took, err := seconds(func() (err error) {
		if s, err = e.Open(ctx, plan, engine.Options{Device: b.at}); err != nil {
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

func (b *bench) givenBack(ctx context.Context, f form, e runner, plan string, in engine.Values) error {
	before, err := e.Free(b.at)
	if err != nil {
		return err
	}
	s, err := e.Open(ctx, plan, engine.Options{Device: b.at})
	if err != nil {
		return err
	}
	_, err = s.Run(ctx, in)
	during, failed := e.Free(b.at)
	if err = errors.Join(err, failed, s.Close()); err != nil {
		return err
	}
	after, err := e.Free(b.at)
	b.figure("demo_"+f.name+"_held_mib", float64(before-during)/(1<<20))
	b.figure("demo_"+f.name+"_left_mib", float64(before-after)/(1<<20))
	return err
}

func (b *bench) clips(ctx context.Context, f form, e built) error {
	got, err := b.judged(ctx, f.name, b.model(f.precision, "tensorrt", e, b.at))
	if err != nil || b.n == 0 {
		return err
	}
	want, err := b.want()
	if err != nil {
		return err
	}
	b.wanted("judge_"+f.name+"_off_fp32", got.Off(want, b.n), "≤ 0.03")
	return nil
}
