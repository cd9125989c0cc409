package bundle

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/functions/inference/compile"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Target is an engine that a bundle gets graphs for.
type Target struct {
	Engine string // "cpu", "cuda", "tensorrt"
	// Policy says in which types a component computes and in which formats its weights are held; nil means float32. Targets
	// of one bundle share weights: a tensor of one name has one format.
	Policy func(component string) nn.Policy
	// Activation is the type in which the graphs compute, whatever the policy says of it; 0 leaves the policy's.
	Activation onnx.DType
	// Rewrite changes a graph before it is optimised, given the type of its activations, 0 where that is not chosen; nil leaves it.
	Rewrite func(m *onnx.Model, activations onnx.DType) error
	// Halves says that Rewrite heeds the activations.
	Halves bool
	// Optimiser rewrites the graph's file; nil stores it as it was built.
	Optimiser compile.Optimiser
}

// Options say how a bundle is built.
type Options struct {
	// Name is the model's name in the manifest; by default the recipe's.
	Name    string
	Targets []Target
	// Precision is one of Precisions: what weights are held as. Auto, the default, is the recipe's for Capability. Targets with a
	// policy of their own keep it.
	Precision string
	// Activations is what a diffusion transformer computes in on a GPU, one of Activations: its products take and give numbers of this
	// type, while what it sums up over its blocks stays float32. Auto, the default, is the recipe's Half.
	Activations string
	// Capability is the compute capability of the GPU that the bundle is for, such as "12.1"; empty: none is known.
	Capability string
	// AttentionSlices is in how many parts of the queries attention is computed: the scores of one part are alive at once.
	// Below two it is one; see Fit.
	AttentionSlices int
	// Memory of the device in bytes, 0: no limit. Fit chooses the slices by it.
	Memory int64
	// Progress hears how many bytes have been written or hashed, which every byte of the bundle is once.
	Progress func(done, total int64)
	// Room is asked whether so many bytes of weights may be written besides those that are there, and says why not; nil: where the
	// disk has room for them.
	Room func(need int64) error
}

// Build makes the bundle of a recipe at dir. A bundle that is there is replaced, once the new one is complete; anything else
// in its place is refused. Weights are read, encoded and written in pieces. A build that was interrupted goes on where it was
// when it is started again with the same checkpoint and options: until then its folder ".NAME.building" stays beside dir.
func Build(ctx context.Context, r Recipe, dir string, o Options) (m weights.Manifest, err error) {
	if o.Name == "" {
		o.Name = r.Name
	}
	chosen, err := o.choose(r)
	if err != nil {
		return m, err
	}
	computes, err := o.computes(r)
	if err != nil {
		return m, err
	}
	policy, err := o.policy(r)
	if err != nil {
		return m, err
	}
	built, err := buildAll(r, o.Targets, policy, o.typeOf(r))
	if err != nil {
		return m, err
	}
	p := newProgress(built, o.Progress)
	err = replace(dir, resumeKey(r, o, built), func(dir, journal string) error {
		if err := o.room(dir, p.total); err != nil {
			return err
		}
		if err := compileAll(ctx, dir, journal, built, p); err != nil {
			return err
		}
		if err := copyFiles(r.Files, dir); err != nil {
			return err
		}
		if m, err = weights.Seal(ctx, dir, o.manifest(r, chosen, computes), p.hashed); err != nil || r.Unchanged == nil {
			return err
		}
		return r.Unchanged()
	})
	return m, err
}

// manifest is the bundle's without its files.
func (o Options) manifest(r Recipe, chosen, computes string) weights.Manifest {
	m := weights.Manifest{Family: r.Family, Name: o.Name, Configs: r.Configs, Defaults: r.Defaults, Schema: r.Schema, License: r.License, Precision: o.Precision, Chosen: chosen}
	if o.onGPU(r) {
		m.Activations, m.ActivationsChosen = o.Activations, computes
	}
	if r.Held != nil {
		m.Held = r.Held(r.Clip)
	}
	return m
}

// policy is what the precision and the slices ask of every component.
func (o Options) policy(r Recipe) (func(component string) nn.Policy, error) {
	policy, err := Quantize(r, o.Precision)
	if err != nil || o.AttentionSlices < 2 {
		return policy, err
	}
	return func(component string) nn.Policy {
		var p nn.Policy
		if policy != nil {
			p = policy(component)
		}
		p.AttentionSlices = o.AttentionSlices
		return p
	}, nil
}

// built is a graph for one engine.
type built struct {
	name   string
	target Target
	model  *onnx.Model
	graph  Graph
}

// buildAll makes every graph before anything is written: a checkpoint that does not fit is told at once.
func buildAll(r Recipe, targets []Target, policy func(string) nn.Policy, typeOf func(string) onnx.DType) (all []built, err error) {
	for _, t := range targets {
		if t.Policy == nil {
			t.Policy = policy
		}
		for _, g := range r.Graphs {
			m, err := buildOne(g, t, r.Weights(g.Component), typeOf)
			if err != nil {
				return nil, fmt.Errorf("graph %s: %w", g.Name, err)
			}
			all = append(all, built{GraphFile(g.Name, t.Engine), t, m, g})
		}
	}
	return all, nil
}

func buildOne(g Graph, t Target, src nn.Source, typeOf func(component string) onnx.DType) (*onnx.Model, error) {
	o, component := nn.Options{Weights: src}, g.Component
	if g.of != nil {
		component = g.of.Component
	}
	if t.Policy != nil {
		o.Policy = t.Policy(component)
	}
	if t.Activation != 0 {
		o.Policy.Activation = t.Activation
	}
	net, err := g.Build(o)
	if err != nil {
		return nil, err
	}
	m, err := net.Model()
	if err == nil && t.Rewrite != nil {
		err = t.Rewrite(m, typeOf(component))
	}
	return m, err
}

func compileAll(ctx context.Context, dir, journal string, all []built, p *progress) (err error) {
	w, err := compile.Resume(dir, journal)
	if err != nil {
		return err
	}
	w.Wrote(p.wrote)
	defer func() {
		if e := w.Close(); err == nil {
			err = e
		}
	}()
	for _, b := range all {
		if err := w.With(b.target.Optimiser).Add(ctx, b.name, b.model); err != nil {
			return err
		}
	}
	return nil
}

func copyFiles(files []File, dir string) error {
	for _, f := range files {
		to := filepath.Join(dir, f.To)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := copyFile(f.From, to); err != nil {
			return fmt.Errorf("copy %s: %w", f.To, err)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
