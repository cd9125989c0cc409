package serve

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Recipe is what a model family makes of a checkpoint.
type Recipe func(c *weights.Checkpoint) (bundle.Recipe, error)

// Build turns the checkpoint in a folder into a bundle at out, as bundle.Build does. Without targets it gets graphs for the
// CPU. Attention is cut into slices where a stage of the model's default clip would not fit into o.Memory.
func Build(ctx context.Context, checkpoint, out string, recipe Recipe, o bundle.Options) (weights.Manifest, error) {
	c, err := weights.OpenCheckpoint(ctx, checkpoint)
	if err != nil {
		return weights.Manifest{}, err
	}
	defer c.Close()
	r, err := recipe(c)
	if err != nil {
		return weights.Manifest{}, err
	}
	if o.Memory > 0 && r.Sizes != nil {
		if _, err := bundle.Fit(r, &o, r.Clip); err != nil {
			return weights.Manifest{}, err
		}
	}
	if o.Targets == nil {
		cpu, err := CPU()
		if err != nil {
			return weights.Manifest{}, err
		}
		o.Targets = []bundle.Target{cpu}
	}
	return bundle.Build(ctx, r, out, o)
}

// Plan says what Build would make of a checkpoint and what a clip would take; what a clip leaves at zero is the model's
// default. With targets it says how large their bundle would be.
func Plan(checkpoint string, recipe Recipe, o bundle.Options, clip bundle.ClipSize) (bundle.Plan, error) {
	c, err := weights.InspectCheckpoint(checkpoint)
	if err != nil {
		return bundle.Plan{}, err
	}
	defer c.Close()
	r, err := recipe(c)
	if err != nil {
		return bundle.Plan{}, err
	}
	return planOf(context.Background(), r, o, clip)
}

func planOf(ctx context.Context, r bundle.Recipe, o bundle.Options, clip bundle.ClipSize) (bundle.Plan, error) {
	p, err := bundle.Fit(r, &o, clip.Or(r.Clip))
	if err == nil && o.Targets != nil {
		var exact bool
		p.Disk, exact, err = bundle.DiskBytes(ctx, r, o)
		p.Rough = !exact
	}
	return p, err
}

// CUDA is the target of ONNX Runtime's CUDA kernels and this project's: activations in BF16, FP16 or float32, and FP8 weights
// multiplied as codes. It is built on any machine.
func CUDA() bundle.Target {
	return bundle.Target{Engine: string(engine.CUDA), Halves: true, Rewrite: func(m *onnx.Model, activations onnx.DType) error {
		return fuse.CUDA(m, fuse.Options{Type: activations, Codes: true})
	}}
}

// Targets are those of engines by name.
func Targets(engines []string) (all []bundle.Target, err error) {
	for _, name := range engines {
		switch name {
		case string(engine.CPU):
			t, err := CPU()
			if err != nil {
				return nil, err
			}
			all = append(all, t)
		case string(engine.CUDA):
			all = append(all, CUDA())
		case tensorRT:
			all = append(all, TensorRT())
		default:
			return nil, fmt.Errorf("there are no graphs for an engine %q: cpu, cuda and tensorrt would do: %w", name, errdefs.ErrInvalidArgument)
		}
	}
	return all, nil
}

// CPU is the target of ONNX Runtime's CPU kernels and this project's, in float32.
func CPU() (bundle.Target, error) {
	e, err := ort.Load()
	return bundle.Target{Engine: string(engine.CPU), Rewrite: func(m *onnx.Model, _ onnx.DType) error { return fuse.CPU(m) }, Optimiser: e}, err
}

// TensorRT is the target of TensorRT's plans: BF16 between the nodes, the graphs as they were built. Plans are made of them
// later, on this machine or for another.
func TensorRT() bundle.Target {
	return bundle.Target{Engine: tensorRT, Activation: onnx.BFloat16}
}
