package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// plansFolder is where a bundle's plans lie: inside its folder, so that whoever has the one has the others, and outside its
// manifest, since a cache is no part of a model.
const plansFolder = "plans"

// tensorRT is the name of the graphs that plans are made of, and of the engine that runs them.
const tensorRT = "tensorrt"

// PlanOptions say which plans are built.
type PlanOptions struct {
	// Capability is the GPU that they are for: 121 is sm_121, DGX Spark's. 0 is this machine's.
	Capability int
	// Sizes are the largest clips that they are good for, one for each class of resolutions: kernels are chosen for each, and a clip
	// runs with those of the smallest class that takes it. What is zero is the model's default; none is one of that.
	Sizes []bundle.ClipSize
	// Workspace is the most scratch memory that a plan's kernels may take, in bytes; 0: 8 GiB.
	Workspace int64
	// Time is the longest that one plan may take to build, 0: an hour. Memory bounds the builder's address space, in bytes.
	Time   time.Duration
	Memory int64
	// Again builds plans that are there already.
	Again bool
	// Open opens the model, whose clips the ranges of an INT8 bundle's products are measured with. Nil: such products are in half precision.
	Open Opener
	// Tell hears how each comes along.
	Tell func(graph string, r tensorrt.Report)
}

// Plan is one that BuildPlans has built, or has found.
type BuiltPlan struct {
	Graph   string  `json:"graph"`
	Path    string  `json:"path"`
	Library string  `json:"library"`
	Target  string  `json:"target"` // "sm_121"
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	Found   bool    `json:"found"` // it was there already
	Int8    bool    `json:"int8"`  // its products multiply INT8 codes
}

// BuildPlans builds a TensorRT plan of every graph of a bundle, into its folder. Each is whole or not there; a build that is
// cancelled leaves those that were finished. Errors say what to do: a missing library is NotFound, a bundle without graphs for
// TensorRT FailedPrecondition.
func BuildPlans(ctx context.Context, dir string, shapes func(weights.Manifest) (bundle.Shapes, error), o PlanOptions) ([]BuiltPlan, error) {
	b, err := weights.OpenBundle(ctx, dir, weights.VerifyOptions{})
	if err != nil {
		return nil, err
	}
	s, err := shapes(b.Manifest)
	if err != nil {
		return nil, err
	}
	if err := hasPlannable(b); err != nil {
		return nil, err
	}
	if err := fitting(s, o.Sizes); err != nil {
		return nil, err
	}
	lib, err := forPlans(o.Capability)
	if err != nil {
		return nil, err
	}
	defer lib.Close()
	on, err := target(lib, o.Capability)
	if err != nil {
		return nil, err
	}
	if err := takes(lib, on, plannable(b)); err != nil {
		return nil, err
	}
	profiles, err := profiles(b, s, o.Sizes)
	if err != nil {
		return nil, err
	}
	p := plansOf(ctx, b, lib, on, profiles, o)
	var all []BuiltPlan
	for _, g := range s.Graphs {
		one, err := buildPlan(ctx, p, b, g, on)
		if err != nil {
			return all, fmt.Errorf("plan of %s: %w", g, err)
		}
		all = append(all, one)
	}
	return all, nil
}

// fitting refuses sizes that the model makes no clips of, before anything is built for them.
func fitting(s bundle.Shapes, sizes []bundle.ClipSize) error {
	for _, c := range sizes {
		if c = c.Or(s.Most); s.Check != nil {
			if err := s.Check(c); err != nil {
				return fmt.Errorf("plans for clips of %d×%d and %d frames: %w", c.Width, c.Height, c.Frames, err)
			}
		}
	}
	return nil
}

func buildPlan(ctx context.Context, p *tensorrt.Plans, b *weights.Bundle, graph string, on tensorrt.Target) (BuiltPlan, error) {
	path, err := b.Path(bundle.GraphFile(graph, tensorRT))
	if err != nil {
		return BuiltPlan{}, err
	}
	_, at, err := p.Fact(path, on)
	if err != nil {
		return BuiltPlan{}, err
	}
	_, err = tensorrt.Known(at)
	found := err == nil && !p.Again
	if at, err = p.Plan(ctx, path, on); err != nil {
		return BuiltPlan{}, unkept(p.Dir, err)
	}
	f, err := tensorrt.Known(at)
	return BuiltPlan{Graph: graph, Path: at, Library: f.Library, Target: fmt.Sprintf("sm_%d", f.Target.Capability), Bytes: f.Bytes, Seconds: f.Seconds, Found: found, Int8: f.Recipe.Int8}, err
}

// unkept says of a folder of plans that may not be written what would do, and any other error as it is.
func unkept(dir string, err error) error {
	var of *fs.PathError
	if !errors.As(err, &of) || !errors.Is(of.Err, syscall.EROFS) && !errors.Is(of.Err, fs.ErrPermission) && !errors.Is(of.Err, syscall.ENOTDIR) {
		return err
	}
	return fmt.Errorf("plans cannot be kept in %s (%w); %s names another folder: %w", dir, of.Err, PlansEnv, errdefs.ErrFailedPrecondition)
}

// ComparePlans holds the plans of a bundle for this machine's GPU to what ONNX Runtime does on it, as an instance would before
// it serves with them, and times both, so that none has to. A plan that is off is thrown away, and the error has its figure.
func ComparePlans(ctx context.Context, dir string, open Opener) (Pace, error) {
	m, on, err := openOn(ctx, dir, weights.VerifyOptions{})
	if err != nil {
		return Pace{}, err
	}
	t, err := asTensorRT(m, on)
	if err != nil {
		return Pace{}, err
	}
	t.open, t.log = open, slog.New(slog.DiscardHandler)
	return t.compare(ctx)
}

// compare is ComparePlans for a model that is open.
func (t *plansFor) compare(ctx context.Context) (Pace, error) {
	if plans, err := t.find(isAccepted); err == nil {
		if pace, err := t.pace(plans); err == nil {
			return pace, nil
		}
	}
	w, model, err := t.workshop(ctx)
	if err != nil {
		return Pace{}, err
	}
	w.measure = true
	_, pace, err := w.ready(ctx, alone(model))
	return pace, errors.Join(err, handler.Close(model))
}

// hasPlannable says of a bundle without graphs for TensorRT how it gets them.
func hasPlannable(b *weights.Bundle) error {
	if slices.ContainsFunc(b.Files, func(f weights.FileEntry) bool { return isGraphOf(f.Path, tensorRT) }) {
		return nil
	}
	return fmt.Errorf("bundle %[1]s has no graphs for TensorRT: build it again with `videosdgx models build CHECKPOINT -o %[1]s --quant %[2]s --engines cpu,cuda,tensorrt`: %[3]w",
		b.Dir, cmp.Or(b.Manifest.Precision, "auto"), errdefs.ErrFailedPrecondition)
}

// plannable are the paths of a bundle's graphs for TensorRT.
func plannable(b *weights.Bundle) (paths []string) {
	for _, f := range b.Files {
		if isGraphOf(f.Path, tensorRT) {
			if p, err := b.Path(f.Path); err == nil {
				paths = append(paths, p)
			}
		}
	}
	return paths
}

func isGraphOf(path, kind string) bool {
	return filepath.Ext(path) == ".onnx" && filepath.Ext(path[:len(path)-len(".onnx")]) == "."+kind
}

// target is the GPU that was asked for, or this machine's.
func target(lib *tensorrt.Library, capability int) (tensorrt.Target, error) {
	if capability != 0 {
		return tensorrt.Target{Capability: capability}, nil
	}
	e := tensorrt.New(lib, nil)
	defer e.Close()
	on, err := e.Device(engine.Device{Kind: engine.CUDA})
	if err != nil {
		return tensorrt.Target{}, fmt.Errorf("plans are built for this machine's GPU unless --target names another, such as sm_121: %w", err)
	}
	return on, nil
}

// profiles are the shapes from the least clip to the greatest of each class, by graph; a graph whose shapes no class changes has one.
func profiles(b *weights.Bundle, s bundle.Shapes, sizes []bundle.ClipSize) (map[string][]tensorrt.Profile, error) {
	least, err := s.Inputs(b, tensorRT, s.Least)
	if err != nil {
		return nil, err
	}
	if len(sizes) == 0 {
		sizes = []bundle.ClipSize{{}}
	}
	all := map[string][]tensorrt.Profile{}
	for _, size := range sizes {
		most, err := s.Inputs(b, tensorRT, size.Or(s.Most))
		if err != nil {
			return nil, err
		}
		for g, in := range most {
			p := profile(least[g], in)
			if !slices.ContainsFunc(all[g], func(q tensorrt.Profile) bool { return q.String() == p.String() }) {
				all[g] = append(all[g], p)
			}
		}
	}
	for g := range all {
		all[g] = tensorrt.Sorted(all[g])
	}
	return all, nil
}

func profile(least, most map[string][]int64) tensorrt.Profile {
	p := tensorrt.Profile{}
	for name, shape := range most {
		low := slices.Clone(least[name])
		for i := range low {
			low[i] = min(low[i], shape[i])
		}
		p[name] = tensorrt.Range{Least: low, Usual: shape, Most: shape}
	}
	return p
}

// workspace is the most scratch memory that a plan's kernels may take unless another is asked for: without a limit TensorRT tries
// kernels that take whatever the GPU has, beside which no model is left room.
const workspace = 8 << 30

// plansOf is the cache of a bundle's plans, which are built for these profiles.
func plansOf(ctx context.Context, b *weights.Bundle, lib *tensorrt.Library, on tensorrt.Target, profiles map[string][]tensorrt.Profile, o PlanOptions) *tensorrt.Plans {
	if o.Time == 0 {
		o.Time = time.Hour
	}
	ranges := &aheadRanges{b: b, lib: lib, on: on, o: o, found: map[string]map[string]float32{}}
	return &tensorrt.Plans{
		Dir: plansDir(b.Dir), Library: lib.Name(), Digest: b.Manifest.Digest, Tell: o.Tell, Builder: &tensorrt.Builder{Install: lib.Install}, Again: o.Again,
		Recipe: func(graph string) (tensorrt.Recipe, error) {
			scales, err := ranges.of(ctx, graph)
			return tensorrt.Recipe{Half: true, Int8: len(scales) > 0, Scales: scales, Workspace: cmp.Or(o.Workspace, workspace), Profiles: profiles[record.Graph(graph)],
				Limits: tensorrt.ResourceLimits{Time: o.Time, Memory: o.Memory}}, err
		},
	}
}

// PlansEnv names another folder for plans than the bundle's own.
const PlansEnv = "VIDEOSDGX_PLANS"

func plansDir(bundle string) string {
	if dir := os.Getenv(PlansEnv); dir != "" {
		return dir
	}
	return filepath.Join(bundle, plansFolder)
}
