package fuse_test

import (
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// frames is what stands between the convolutions of a video autoencoder, with a cache that goes from run to run.
func frames(t *testing.T) *onnx.Model {
	t.Helper()
	n := nn.New("frames", "vae", nn.Options{})
	x := n.Concat(2, n.State("cache", 1, 8, 1, 4, 6), n.Input("x", onnx.Float32, 1, 8, 2, 4, 6))
	n.Keep("cache.next", n.Slice(x, 2, -1, 1<<62), 1, 8, 1, 4, 6)
	h := n.SiLU(n.ChannelNorm(x, "a", 8, 1, 1, 1))
	h = n.Convolve(h, nn.Cube("c", 8, 8, 1))
	h = n.ChannelNorm(h, "b", 8, 1, 1, 1)
	y := n.Op("Resize", []onnx.Value{n.Op("Squeeze", []onnx.Value{h, n.Ints(0)}), "", n.Floats("scales.double", []int64{4}, []float32{1, 1, 2, 2})},
		onnx.Str("mode", "nearest"), onnx.Str("coordinate_transformation_mode", "asymmetric"), onnx.Str("nearest_mode", "floor"))
	n.Output("y", y, onnx.Float32, 8, 3, 8, 12)
	m, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for i := range m.Graph.Initializers {
		if w := &m.Graph.Initializers[i]; w.Content != nil {
			v := make([]float32, w.Elements())
			for j := range v {
				v[j] = float32(r.NormFloat64())
			}
			w.Content = func(to io.Writer) error { _, err := to.Write(nn.Bytes(v)); return err }
		}
	}
	return m
}

func clip() engine.Values {
	r := rand.New(rand.NewPCG(7, 8))
	draw := func(shape ...int64) engine.Tensor {
		t := engine.Zeros(shape...)
		for i := range t.Float32() {
			t.Float32()[i] = float32(r.NormFloat64())
		}
		return t
	}
	return engine.Values{"x": draw(1, 8, 2, 4, 6), "cache": draw(1, 8, 1, 4, 6)}
}

func TestNormsOverChannelsMeanWhatTheyReplace(t *testing.T) {
	plain, fused := frames(t), frames(t)
	if err := fuse.CUDA(fused, fuse.Options{Type: onnx.Float32}); err != nil {
		t.Fatal(err)
	}
	if got := ops(fused); got["ChannelNorm"] != 2 || got["Double"] != 1 || got["Sigmoid"] != 0 || got["ReduceL2"] != 0 {
		t.Fatalf("nothing was fused: %v", got)
	}
	writeOut(t, fused)
	want, got := run(t, plain, clip()), run(t, fused, clip())
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d < 1e-5) || len(got) != len(want) {
			t.Fatalf("%d of %d: %g, expected %g", i, len(got), got[i], want[i])
		}
	}
}

// TestAnAutoencoderIsFP16 follows the cache: what stays on the device has the type of activations, what leaves has its own.
func TestAnAutoencoderIsFP16(t *testing.T) {
	m := frames(t)
	if err := fuse.CUDA(m, fuse.Options{}); err != nil {
		t.Fatal(err)
	}
	want := map[string]onnx.DType{"x": onnx.Float32, "cache": onnx.Float16, "cache.next": onnx.Float16, "y": onnx.Float32}
	for _, infos := range [][]onnx.ValueInfo{m.Graph.Inputs, m.Graph.Outputs} {
		for _, v := range infos {
			if v.Type != want[v.Name] {
				t.Errorf("%s is of type %d, expected %d", v.Name, v.Type, want[v.Name])
			}
		}
	}
	for _, w := range m.Graph.Initializers {
		if w.Name == "vae/c.weight.last.fp16" && w.Type == onnx.Float16 {
			return
		}
	}
	t.Error("the convolution's weight is not stored in FP16")
}
