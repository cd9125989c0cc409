package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/accept"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/serve/duo"
	"github.com/videosdgx/videosdgx/functions/serve/rehearsal"
)

// workshop makes plans ready to serve: it builds what is missing, compares each with what ONNX Runtime does, and times both.
type workshop struct {
	*plansFor
	recorder *record.Engine
	build    bool // what is missing; else it is NotFound
	measure  bool // how fast they are
	clip     timedClip
}

// prepare is duo's: it rehearses, builds, compares and times, and opens the model where plans are worth it.
func (w *workshop) prepare(ctx context.Context, rehearse duo.Rehearse) (handler.Model, duo.Choice, error) {
	plans, pace, err := w.ready(ctx, rehearse)
	if err != nil {
		return nil, duo.Choice{}, err
	}
	if w.measure && pace.Slower() {
		return nil, duo.Choice{}, slower{pace}
	}
	if err := w.room(sizes(paths(plans)...), "the plans, which are accepted and serve from the next start on,"); err != nil {
		return nil, duo.Choice{}, err
	}
	m, err := w.fast(ctx, plans)
	return m, w.chosen(pace), err
}

// ready has plans of every graph that were accepted, by the graphs, and where it measures how fast they are.
func (w *workshop) ready(ctx context.Context, rehearse duo.Rehearse) (map[string]tensorrt.Found, Pace, error) {
	plans, err := w.find(isAccepted)
	accepted := err == nil
	if !accepted {
		plans, err = w.find(func(tensorrt.Facts) bool { return true })
	}
	if err != nil && !(errdefs.IsNotFound(err) && w.build) {
		return nil, Pace{}, err
	}
	missing := err != nil
	if missing {
		if err := w.mayBuild(); err != nil {
			return nil, Pace{}, err
		}
	}
	if err := rehearse(ctx, func(ctx context.Context, m handler.Model) error { return w.rehearse(ctx, m, !accepted, missing) }); err != nil {
		return nil, Pace{}, fmt.Errorf("a rehearsal for TensorRT's plans failed: %w", err)
	}
	if missing {
		if plans, err = w.buildAll(ctx); err != nil {
			return nil, Pace{}, err
		}
	}
	if !accepted {
		if err := w.compareAll(ctx, plans); err != nil {
			return nil, Pace{}, err
		}
	}
	pace := Pace{}
	if w.measure {
		err = rehearse(ctx, func(ctx context.Context, _ handler.Model) (err error) { pace, err = w.timeAll(ctx, plans); return err })
	}
	return plans, pace, err
}

// paths are the files of plans.
func paths(plans map[string]tensorrt.Found) (all []string) {
	for _, p := range plans {
		all = append(all, p.Path)
	}
	return all
}

// room says whether so many bytes, and a quarter more, are free on the device beside what answers there now: nobody's clip is to
// fail for what is tried out.
func (w *workshop) room(bytes int64, what string) error {
	free, err := w.engine.Free(w.m.Options.Device)
	if err != nil {
		return err
	}
	if want := bytes + bytes/4; free < want {
		return fmt.Errorf("%s would take %d MiB of %s beside ONNX Runtime, and %d MiB are free: `videosdgx models plan` builds and compares where no function runs: %w",
			what, want>>20, w.m.Options.Device, free>>20, errdefs.ErrResourceExhausted)
	}
	return nil
}

// sizes are the bytes of files together; one that is not there counts nothing.
func sizes(paths ...string) (n int64) {
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			n += info.Size()
		}
	}
	return n
}

// rehearse makes the smallest clips, whose runs are kept where plans are to be compared with; the model's default clips with the
// longest prompt, whose shapes plans are built for; and those that are timed.
func (w *workshop) rehearse(ctx context.Context, m handler.Model, compare, shapes bool) error {
	d := m.Describe()
	prompt, err := d.Limits.LongestPrompt()
	if err != nil {
		return fmt.Errorf("the longest prompt: %w", err)
	}
	if shapes && w.inInt8() {
		if err := w.rehearseRanges(ctx, m); err != nil {
			return err
		}
	}
	if compare {
		w.recorder.Keep(2)
		if err := every(ctx, m, rehearsal.Clip(d, rehearsal.Smallest(d), "a", 1)); err != nil {
			return err
		}
		w.recorder.Keep(0)
	}
	if w.measure {
		if err := w.timeSure(ctx, m, prompt); err != nil {
			return err
		}
	}
	if !shapes {
		return nil
	}
	return every(ctx, m, rehearsal.Clip(d, d.Defaults, prompt, 1))
}

// every makes a clip, those beside it that its model rehearses, and it again with each kind of file that it may be made of.
func every(ctx context.Context, m handler.Model, r handler.Request) (err error) {
	dir, err := os.MkdirTemp("", "videosdgx-rehearsal-")
	if err != nil {
		return fmt.Errorf("make room for a rehearsal: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	all, err := rehearsal.All(m.Describe(), r)
	if err != nil {
		return err
	}
	brought, err := rehearsal.Brought(ctx, m.Describe(), all[0], dir)
	if err != nil {
		return err
	}
	for _, one := range append(all, brought...) {
		if err := m.Generate(ctx, one, handler.Silent()); err != nil {
			return err
		}
	}
	return nil
}

// buildAll builds a plan of every graph.
func (w *workshop) buildAll(ctx context.Context) (map[string]tensorrt.Found, error) {
	p := tensorrt.Plans{Dir: plansDir(w.m.Dir), Library: w.lib.Name(), Digest: w.m.Manifest.Digest, Builder: &tensorrt.Builder{Install: w.lib.Install}}
	p.Recipe = func(graph string) (tensorrt.Recipe, error) { return w.recipe(ctx, graph) }
	plans := map[string]tensorrt.Found{}
	for _, g := range w.graphs() {
		began := time.Now()
		path, err := p.Plan(ctx, g, w.on)
		if err != nil {
			return nil, fmt.Errorf("plan of %s: %w", record.Graph(g), err)
		}
		w.log.Info("plan built", "graph", record.Graph(g), "seconds", time.Since(began).Seconds(), "path", path)
		plans[record.Graph(g)] = tensorrt.Found{Path: path} // its checksum is of the one that is compared
	}
	return plans, nil
}

// recipe is for the shapes that the rehearsals had, and for the ranges where products are of INT8 codes.
func (w *workshop) recipe(ctx context.Context, graph string) (tensorrt.Recipe, error) {
	declared, err := declared(graph)
	if err != nil {
		return tensorrt.Recipe{}, err
	}
	profile := tensorrt.Profile{}
	for name, s := range w.recorder.Shapes(record.Graph(graph)) {
		least, most := accept.Form(s.Least, declared[name]), accept.Form(s.Most, declared[name])
		profile[name] = tensorrt.Range{Least: least, Usual: most, Most: most}
	}
	scales, err := w.ranges(ctx, graph)
	if err != nil {
		return tensorrt.Recipe{}, err
	}
	return tensorrt.Recipe{Half: true, Int8: len(scales) > 0, Scales: scales, Workspace: workspace, Profiles: []tensorrt.Profile{profile}, Limits: tensorrt.ResourceLimits{Time: time.Hour}}, nil
}

// declared are the shapes of a graph's inputs, negative where anything goes.
func declared(graph string) (map[string][]int64, error) {
	m, err := onnx.ReadFile(graph)
	if err != nil {
		return nil, err
	}
	all := map[string][]int64{}
	for _, in := range engine.Infos(m.Graph.Inputs) {
		all[in.Name] = in.Shape
	}
	return all, nil
}

// compareAll holds every plan to what ONNX Runtime did, and notes in plans which ones those were. One that fails is thrown away.
func (w *workshop) compareAll(ctx context.Context, plans map[string]tensorrt.Found) error {
	for _, g := range w.graphs() {
		name := record.Graph(g)
		sum, err := w.compare(ctx, name, plans[name].Path)
		if err != nil {
			return err
		}
		plans[name] = tensorrt.Found{Path: plans[name].Path, Sum: sum}
	}
	return nil
}

// compare gives the checksum of the plan that it has compared.
func (w *workshop) compare(ctx context.Context, graph, path string) (plan string, err error) {
	if len(w.recorder.Captures(graph)) == 0 {
		return "", fmt.Errorf("no clip that was rehearsed runs the graph %s, so that its plan cannot be compared: %w", graph, errdefs.ErrFailedPrecondition)
	}
	if err := w.room(sizes(path), "the plan of "+graph); err != nil {
		return "", err
	}
	s, err := w.engine.Open(ctx, path, engine.Options{Device: w.m.Options.Device, Memory: w.m.Options.Memory})
	if err != nil {
		return "", w.throwAway(graph, path, err)
	}
	plan = tensorrt.Checksum(s)
	v, err := accept.Compare(ctx, s, w.recorder.Captures(graph), accept.Bound(w.m.Precision))
	if e := s.Close(); err == nil {
		err = e
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err == nil && !v.OK() {
		err = fmt.Errorf("it is off by %s", v)
	}
	if err != nil {
		return "", w.throwAway(graph, path, err)
	}
	w.log.Info("plan accepted", "graph", graph, "worst", v.Worst, "output", v.Output, "bound", v.Bound)
	return plan, w.kept(tensorrt.Accept(path, plan, v.String(), true), graph, path, "the verdict is not kept, it is reached again at the next start")
}

// kept is an error where another process has built a plan again since it was looked at: what was seen is not of the one that would serve.
// What only cannot be written down is told.
func (w *workshop) kept(err error, graph, path, otherwise string) error {
	switch {
	case errdefs.IsFailedPrecondition(err):
		return fmt.Errorf("another program has built the plan of %s again meanwhile, and it is looked at anew at the next start: %w", graph, err)
	case err != nil:
		w.log.Info(otherwise, "path", path, "reason", err.Error())
	}
	return nil
}

// throwAway removes a plan that does not do, and says why in the log.
func (w *workshop) throwAway(graph, path string, reason error) error {
	w.log.Warn("plan thrown away", "graph", graph, "path", path, "reason", reason.Error())
	if err := tensorrt.Discard(path); err != nil {
		w.log.Warn("the plan cannot be removed", "path", path, "error", err.Error())
	}
	return fmt.Errorf("the plan of %s was thrown away: %w", graph, reason)
}

// withPlans opens plans by the graphs that they are of.
type withPlans struct {
	*tensorrt.Engine
	plans map[string]tensorrt.Found
}

// Open opens the plan of the graph at path. A model opens the graphs of a part whenever that is needed: FailedPrecondition where another
// plan than the one that was accepted lies there by then.
func (e withPlans) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	p := e.plans[record.Graph(path)]
	if p.Path == "" {
		return nil, fmt.Errorf("there is no plan of %s: %w", path, errdefs.ErrNotFound)
	}
	s, err := e.Engine.Open(ctx, p.Path, o)
	if err != nil || tensorrt.Checksum(s) == p.Sum {
		return s, err
	}
	return nil, errors.Join(fmt.Errorf("another program has built the plan of %s again since it was accepted, and it is compared and taken at the next start: %w",
		record.Graph(path), errdefs.ErrFailedPrecondition), s.Close())
}
