package fuse_test

import (
	"math"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// head is a product whose result, arranged otherwise, is the graph's, beside one that only a later run takes.
func head(t *testing.T, bias bool) *onnx.Model {
	t.Helper()
	n := nn.New("head", "head", nn.Options{})
	x := n.Input("x", onnx.Float32, "batch", "tokens", 16)
	n.SetBatch(x)
	h := n.Linear(x, "in", 16, dim, true)
	n.Output("v.next", n.Linear(h, "v", dim, dim, true), onnx.Float32, "batch", "tokens", dim)
	n.Output("y", n.Transpose(n.Linear(h, "out", dim, 16, bias), 0, 2, 1), onnx.Float32, "batch", 16, "tokens")
	m, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	fill(m)
	return m
}

func TestTheLastProductIsNotRounded(t *testing.T) {
	for _, bias := range []bool{true, false} {
		m := head(t, bias)
		if err := fuse.CUDA(m, fuse.Options{}); err != nil {
			t.Fatal(err)
		}
		if got := ops(m); got["MatMul"] != 1 || got["QuantLinear"] != 2 || got["Gemm"] != 0 {
			t.Errorf("bias %v: %v", bias, got)
		}
		of := map[string]onnx.DType{}
		for _, w := range m.Graph.Initializers {
			of[w.Name] = w.Type
		}
		for _, n := range m.Graph.Nodes {
			switch n.Op {
			case "Cast":
				of[n.Outputs[0]] = onnx.DType(n.Attrs[0].I)
			case "Transpose":
				of[n.Outputs[0]] = of[n.Inputs[0]]
			case "MatMul":
				if a, b := of[n.Inputs[0]], of[n.Inputs[1]]; a != onnx.Float32 || b != onnx.Float32 {
					t.Errorf("the product is of the types %d and %d", a, b)
				}
			}
		}
		if i := slices.IndexFunc(m.Graph.Initializers, func(w onnx.Tensor) bool { return w.Type == onnx.BFloat16 }); i < 0 || !slices.Equal(m.Graph.Initializers[i].Dims, []int64{16, dim}) {
			t.Error("its weight is not kept as BF16")
		}
	}
}

// The last product alone has operators that the CPU knows: it says what it was, but for its weight's BF16.
func TestTheLastProductSaysWhatItSaid(t *testing.T) {
	build := func() *onnx.Model {
		n := nn.New("head", "head", nn.Options{})
		x := n.Input("x", onnx.Float32, "batch", "tokens", dim)
		n.SetBatch(x)
		n.Output("y", n.Linear(x, "out", dim, 16, true), onnx.Float32, "batch", "tokens", 16)
		m, err := n.Model()
		if err != nil {
			t.Fatal(err)
		}
		fill(m)
		return m
	}
	plain, fused := build(), build()
	if err := fuse.CUDA(fused, fuse.Options{}); err != nil {
		t.Fatal(err)
	}
	if got := ops(fused); got["QuantLinear"] != 0 || got["MatMul"] != 1 {
		t.Fatalf("%v", got)
	}
	x := inputs().Float32("x")
	in := engine.Values{"x": engine.Floats(x[:2*dim], 1, 2, dim)}
	want, got := run(t, plain, in), run(t, fused, in)
	worst, most := 0.0, 0.0
	for i := range want {
		worst, most = max(worst, math.Abs(float64(got[i]-want[i]))), max(most, math.Abs(float64(want[i])))
	}
	if worst > 4e-3*most || worst == 0 {
		t.Errorf("off by %g of %g", worst, most)
	}
}
