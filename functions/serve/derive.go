package serve

import (
	"context"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Derivation is a checkpoint with LoRAs laid over it, beside the bundle that was built from it alone.
type Derivation struct {
	merging    *bundle.Merging
	checkpoint *weights.Checkpoint
	base       *weights.Bundle
}

// Derive opens what a derived bundle is made of, and checks that it fits together. v says how the base is verified.
func Derive(ctx context.Context, checkpoint, base string, recipe Recipe, loras []bundle.LoRA, v weights.VerifyOptions) (d *Derivation, err error) {
	d = &Derivation{}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	if d.checkpoint, err = weights.InspectCheckpoint(checkpoint); err != nil {
		return d, err
	}
	r, err := recipe(d.checkpoint)
	if err != nil {
		return d, err
	}
	man, err := weights.ReadManifest(base)
	if err != nil {
		return d, err
	}
	if d.merging, err = bundle.Merge(ctx, r.On(man), loras); err != nil {
		return d, err
	}
	d.base, err = weights.OpenBundle(ctx, base, v)
	return d, err
}

// PlanDerived is Plan for a bundle with LoRAs: it also says which of the weights are its own, and what merging takes.
func PlanDerived(ctx context.Context, checkpoint string, recipe Recipe, loras []bundle.LoRA, o bundle.Options, clip bundle.ClipSize) (p bundle.Plan, err error) {
	c, err := weights.InspectCheckpoint(checkpoint)
	if err != nil {
		return p, err
	}
	defer c.Close()
	r, err := recipe(c)
	if err != nil {
		return p, err
	}
	m, err := bundle.Merge(ctx, r, loras)
	if err != nil {
		return p, err
	}
	defer m.Close()
	if p, err = planOf(ctx, m.Recipe, o, clip); err != nil {
		return p, err
	}
	p.Merged = m.Planned(p)
	return p, nil
}

// Key is where the derived bundle may be found again: an address by the content of base and LoRAs.
func (d *Derivation) Key() string { return d.merging.DerivedFrom(d.base).Key() }

// Build makes the bundle at out, for every engine that the base has graphs for.
func (d *Derivation) Build(ctx context.Context, out string, o bundle.Options, v weights.VerifyOptions) (weights.Manifest, error) {
	cpu := bundle.Target{Engine: "cpu"} // nothing is optimised again: the base's graphs were
	o.Targets = []bundle.Target{cpu, CUDA(), TensorRT()}
	return bundle.Derive(ctx, d.merging, d.base, out, o, v)
}

// Close closes the checkpoint and the LoRAs.
func (d *Derivation) Close() {
	if d.merging != nil {
		d.merging.Close()
	}
	if d.checkpoint != nil {
		d.checkpoint.Close()
	}
}
