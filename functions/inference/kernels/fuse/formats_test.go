package fuse_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// drawn is a checkpoint of random numbers, by the shapes of its tensors.
type drawn map[string][]int64

func drawnFor(n *nn.Net) drawn {
	d := drawn{}
	for _, p := range n.Params() {
		d[p.Name] = p.Dims
	}
	return d
}

func (d drawn) Info(name string) (weights.Info, error) {
	if d[name] == nil {
		return weights.Info{}, fmt.Errorf("no tensor %s: %w", name, errdefs.ErrNotFound)
	}
	return weights.Info{Name: name, DType: weights.F32, Shape: d[name]}, nil
}

func (d drawn) ReadFloat32(name string, at int64, dst []float32) error {
	h := fnv.New64a()
	h.Write([]byte(name))
	r := rand.New(rand.NewPCG(h.Sum64(), uint64(at)))
	for i := range dst {
		dst[i] = float32(r.NormFloat64()) / float32(math.Sqrt(dim))
	}
	return nil
}

// TestEveryFormatBesideFP16 runs a block whose weights are held in each format as a GPU does in FP16, every value rounded as there, beside
// the same weights in float32: what FP16 adds is little, but where rows of activations become FP8 codes, which round to 1 in 16.
func TestEveryFormatBesideFP16(t *testing.T) {
	kernelstest.Library(t)
	src := drawnFor(blockOf(nn.Options{}))
	for _, f := range quant.Formats() {
		for _, dynamic := range []bool{false, true} {
			build := func() *onnx.Model {
				m, err := blockOf(nn.Options{Weights: src, Policy: nn.Policy{Linear: func(nn.Linear) nn.Format { return nn.Quantized{Format: f, Dynamic: dynamic} }}}).Model()
				if err != nil {
					t.Fatal(f, err)
				}
				return m
			}
			want := run(t, build(), inputs())
			m := build()
			if err := fuse.CUDA(m, fuse.Options{Type: onnx.Float16, Codes: true}); err != nil {
				t.Fatal(f, err)
			}
			if got := ops(m); f == quant.FP8 && got["CodeLinearFP16"] == 0 || got["ModulatedNormFP16"]+got["ModulatedNormCodes"] == 0 {
				t.Errorf("%s is not as a GPU has it: %v", f, got)
			}
			writeOut(t, m)
			var diff, norm float64
			for i, v := range run(t, m, inputs()) {
				diff, norm = diff+sq(float64(v-want[i])), norm+sq(float64(want[i]))
			}
			limit := 2e-3 // FP16 rounds to 1 in 2048
			switch {
			case f == quant.FP8:
				limit = 5e-2
			case dynamic && (f == quant.INT8 || f == quant.INT4): // activations are codes in float32 too, which a rounding moves by one
				limit = 1e-2
			}
			if e := math.Sqrt(diff / norm); !(e > 0 && e < limit) {
				t.Errorf("%s, dynamic %v: off by %g", f, dynamic, e)
			}
		}
	}
}
