package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/accept"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// runner is an engine that runs plans of graphs, or what stands in their place.
type runner interface {
	engine.Engine
	Used() int64
	Free(engine.Device) (int64, error) // bytes, by the driver's count
	Rest()
	Close()
}

// madeEnding ends the name of the file beside a plan that says how it was made. (The engine's own facts end in .json.)
const madeEnding = ".made"

// made is what is written down of a plan that is there.
type made struct {
	Seconds float64 `json:"seconds"`
	Level   int     `json:"level"`
}

// plan has a plan of a graph, for a range of shapes, and says what building it took: this run, or another one that shares the
// folder of plans and is waited for.
func (b *bench) plan(ctx context.Context, graph, figure string, shapes map[string]record.Range, r tensorrt.Recipe) (string, error) {
	r.Model = graph
	profile, err := profile(graph, shapes)
	if err != nil {
		return "", err
	}
	if b.rehearse {
		to := filepath.Join(strings.TrimSuffix(graph, ".onnx")+"."+figure, "graph.onnx")
		b.profiles.Store(to, profile)
		return to, tensorrt.Lower(r, filepath.Dir(to))
	}
	r = b.recipe(r, profile)
	level := b.levelOf(graph)
	path := filepath.Join(b.plans, fmt.Sprintf("%s.%d%s.plan", figure, level, map[bool]string{true: ".half"}[r.HalfFirst]))
	release, err := hold(ctx, path+".lock")
	if err != nil {
		return "", err
	}
	defer release()
	m, err := known(path)
	if err != nil {
		if m, err = b.attempts(ctx, r, path, figure, level); err != nil {
			return "", err
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	b.figure(figure+"_plan_seconds", m.Seconds)
	b.figure(figure+"_plan_level", float64(m.Level))
	b.figure(figure+"_plan_mb", float64(info.Size())/1e6)
	return path, nil
}

// recipe completes one. What runs in INT8 must not have FP16 asked for first.
func (b *bench) recipe(r tensorrt.Recipe, p tensorrt.Profile) tensorrt.Recipe {
	r.Int8 = r.Scales != nil
	r.Profiles, r.Half, r.HalfFirst, r.Workspace = []tensorrt.Profile{p}, true, b.half && !r.Int8, 32<<30
	r.Limits.Time = b.limit
	return r
}

// levelOf is the level of optimisation of a graph's plan.
func (b *bench) levelOf(graph string) int {
	if b.vaeLevel >= 0 && strings.HasPrefix(filepath.Base(graph), "vae_") {
		return b.vaeLevel
	}
	return b.level
}

func known(path string) (m made, err error) {
	raw, err := os.ReadFile(path + madeEnding)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(raw, &m)
}

// attempts builds at the level that was asked for, and where that fails at level 0, which tries the least.
func (b *bench) attempts(ctx context.Context, r tensorrt.Recipe, path, figure string, level int) (m made, err error) {
	for _, level := range slices.Compact([]int{level, 0}) {
		m.Level, r.Level = level, &level
		if err := b.nobodyMeasures(ctx); err != nil {
			return m, err
		}
		took, failed := seconds(func() error { return b.builder("").Build(ctx, r, path, nil) })
		if failed == nil {
			m.Seconds = took
			raw, err := json.Marshal(m)
			if err != nil {
				return m, err
			}
			return m, os.WriteFile(path+madeEnding, raw, 0o600)
		}
		b.note("plan %s at level %d, after %.0f s: %v", figure, m.Level, took, failed)
		if err = errors.Join(err, fmt.Errorf("plan %s at level %d: %w", figure, m.Level, failed)); ctx.Err() != nil {
			break
		}
	}
	return m, err
}

// timed is the plan that is built twice more, the second time knowing how long each kernel took in the first.
const timed = "demo_text_encoder_fp16"

func (b *bench) builder(timing string) tensorrt.Builder {
	return tensorrt.Builder{Install: b.install, Timing: timing}
}

// again builds a plan three times, one build after the other, at the first level at which TensorRT tries kernels: the second knows what
// the first has tried; the third knows nothing again, and says what is the machine's other work.
func (b *bench) again(ctx context.Context) error {
	if err := b.watch(ctx); err != nil {
		return err
	}
	if b.rehearse {
		return nil
	}
	graph := filepath.Join(b.dir, bundle.None, bundle.GraphFile("text_encoder", "tensorrt"))
	profile, err := profile(graph, b.watched.Shapes("text_encoder"))
	if err != nil {
		return err
	}
	level := max(b.level, 1)
	r := b.recipe(tensorrt.Recipe{Model: graph, Level: &level}, profile)
	at := filepath.Join(b.dir, timed+".again")
	for _, build := range []struct{ figure, timing string }{
		{"_plan_seconds_trying", at + ".timing"}, {"_plan_seconds_again", at + ".timing"}, {"_plan_seconds_trying_anew", at + ".anew.timing"},
	} {
		took, err := seconds(func() error { return b.builder(build.timing).Build(ctx, r, at, nil) })
		if err != nil {
			return fmt.Errorf("build %s once more: %w", timed, err)
		}
		b.figure(timed+build.figure, took)
	}
	info, err := os.Stat(at + ".timing")
	if err != nil {
		return err
	}
	b.figure(timed+"_timing_mb", float64(info.Size())/1e6)
	return nil
}

// profile is the range of shapes in the form in which a graph takes them: what ONNX Runtime runs may keep clips with their channels
// innermost.
func profile(graph string, shapes map[string]record.Range) (tensorrt.Profile, error) {
	raw, err := os.ReadFile(graph)
	if err != nil {
		return nil, err
	}
	m, err := onnx.Decode(raw)
	if err != nil {
		return nil, err
	}
	p := tensorrt.Profile{}
	for _, in := range engine.Infos(m.Graph.Inputs) {
		if r, ok := shapes[in.Name]; ok {
			most := accept.Form(r.Most, in.Shape)
			p[in.Name] = tensorrt.Range{Least: accept.Form(r.Least, in.Shape), Usual: most, Most: most}
		}
	}
	return p, nil
}

// runs is a fresh engine for plans.
func (b *bench) runs() runner {
	if b.rehearse {
		return stand{b.ort, &b.profiles}
	}
	return tensorrt.New(b.lib, nil)
}

// stand runs lowered graphs in the place of plans, and takes no other shapes than those would.
type stand struct {
	engine.Engine
	profiles *sync.Map
}

func (stand) Used() int64                       { return 0 }
func (stand) Rest()                             {}
func (stand) Close()                            {}
func (stand) Free(engine.Device) (int64, error) { return 0, nil }

func (e stand) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	s, err := e.Engine.Open(ctx, path, o)
	if err != nil {
		return nil, err
	}
	p, ok := e.profiles.Load(path)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s stands for no plan", path), s.Close())
	}
	return bound{s, path, p.(tensorrt.Profile)}, nil
}

// bound refuses what a plan would refuse.
type bound struct {
	engine.Session
	path    string
	profile tensorrt.Profile
}

func (s bound) Run(ctx context.Context, in engine.Values, resident ...string) (engine.Values, error) {
	for name, v := range in {
		r, ok := s.profile[name]
		if !ok {
			return nil, fmt.Errorf("the plan in whose place %s runs has no profile of %s", s.path, name)
		}
		for i, d := range v.Dims() {
			if i >= len(r.Least) || d < r.Least[i] || d > r.Most[i] {
				return nil, fmt.Errorf("the plan in whose place %s runs takes %s from %v to %v, not %v", s.path, name, r.Least, r.Most, v.Dims())
			}
		}
	}
	return s.Session.Run(ctx, in, resident...)
}

// built opens the plans that were built of graphs, by the graphs' paths.
type built struct {
	runner
	plans map[string]string
}

func (e built) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	p, ok := e.plans[record.Graph(path)]
	if !ok {
		return nil, fmt.Errorf("there is no plan of %s", path)
	}
	return e.runner.Open(ctx, p, o)
}
