package fuse_test

import (
	"io"
	"math"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// rmsBlock is two layers with the norms of LTX-2: RMS, modulated by rows of a sum with a table, once plain, once by a part that is cut from
// the table; the gates multiply what is added to the residual stream by size.
func rmsBlock(t *testing.T, size float32) *onnx.Model {
	t.Helper()
	const width = 24
	n := nn.New("rms", "rms", nn.Options{})
	x := n.Input("x", onnx.Float32, "batch", "tokens", 16)
	mod := n.Input("modulation", onnx.Float32, "batch", 1, 3*width)
	n.SetBatch(x)
	h := n.Linear(x, "in", 16, width, true)
	modulated := func(x, scale, shift onnx.Value) onnx.Value {
		return n.Add(n.Mul(n.RMS(x, width, 1e-6), n.Add(scale, n.Float(1))), shift)
	}
	m := n.Split(n.Add(n.ParamAs("table", []int64{3, width}, []int64{1, 1, 3 * width}), mod), 2, 3)
	gate := n.Split(n.Add(n.ParamAs("gates", []int64{2, width}, []int64{1, 1, 2 * width}), n.Slice(mod, 2, 0, 2*width)), 2, 2)
	h = n.Add(h, n.Mul(n.Linear(modulated(h, m[0], m[1]), "first", width, width, true), gate[0]))
	h = n.Add(h, n.Mul(n.Linear(n.RMS(h, width, 1e-6), "second", width, width, true), gate[1]))
	cut := n.Split(n.Add(n.Slice(n.ParamAs("tables", []int64{5, width}, []int64{1, 1, 5 * width}), 2, 0, 3*width), mod), 2, 3)
	n.Output("y", n.Linear(modulated(h, cut[0], cut[1]), "out", width, 16, true), onnx.Float32, "batch", "tokens", 16)
	model, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	fill(model)
	i := slices.IndexFunc(model.Graph.Initializers, func(w onnx.Tensor) bool { return w.Name == "rms/gates" })
	gates := make([]float32, 2*width)
	for j := range gates {
		gates[j] = size * float32(math.Sin(float64(j+1)))
	}
	model.Graph.Initializers[i].Content = func(to io.Writer) error { _, err := to.Write(nn.Bytes(gates)); return err }
	return model
}

func rmsInputs() engine.Values {
	x, mod := make([]float32, 2*5*16), make([]float32, 2*72)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)))
	}
	for i := range mod {
		mod[i] = float32(math.Cos(float64(i))) / 2
	}
	return engine.Values{"x": engine.Floats(x, 2, 5, 16), "modulation": engine.Floats(mod, 2, 1, 72)}
}

func TestRMSNormsOfTheStreamAreOnePass(t *testing.T) {
	m := rmsBlock(t, 1)
	if err := fuse.CUDA(m, fuse.Options{Type: onnx.Float16}); err != nil {
		t.Fatal(err)
	}
	if got := ops(m); got["RMSNormalization"] != 0 || got["RMSRotary"] != 0 || got["ModulatedNormFP16"]+got["GatedNorm"] != 3 || got["Clip"] != 0 {
		t.Errorf("not all norms were fused: %v", got)
	}
}

// TestAStreamBeyondFP16 has gates of a million: the stream goes far beyond what FP16 has, what is normed of it does not.
func TestAStreamBeyondFP16(t *testing.T) {
	for name, c := range map[string]struct {
		o     fuse.Options
		size  float32
		bound float64
	}{"float32": {fuse.Options{Type: onnx.Float32}, 1, 1e-5}, "FP16": {fuse.Options{Type: onnx.Float16}, 1, 3e-3}, "FP16, beyond": {fuse.Options{Type: onnx.Float16}, 1e6, 3e-3}} {
		want := run(t, rmsBlock(t, c.size), rmsInputs())
		m := rmsBlock(t, c.size)
		if err := fuse.CUDA(m, c.o); err != nil {
			t.Fatal(err)
		}
		writeOut(t, m)
		var diff, norm float64
		for i, v := range run(t, m, rmsInputs()) {
			diff, norm = diff+sq(float64(v-want[i])), norm+sq(float64(want[i]))
		}
		if e := math.Sqrt(diff / norm); !(e < c.bound) {
			t.Errorf("%s: off by %g, allowed %g", name, e, c.bound)
		}
	}
}
