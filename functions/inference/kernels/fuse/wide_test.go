package fuse_test

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
)

// gated is x + gate·y with the gate split from a row of two, [batch, times, 2·width], as LTX-2 has its modulations.
func gated(t *testing.T, width int64) *onnx.Model {
	t.Helper()
	n := nn.New("gated", "gated", nn.Options{})
	x := n.Input("x", onnx.Float32, "batch", "tokens", 16)
	mod := n.Input("modulation", onnx.Float32, "batch", "times", 2*width)
	n.SetBatch(x)
	h := n.Linear(x, "in", 16, width, true)
	m := n.Split(n.Add(n.ParamAs("table", []int64{2, width}, []int64{1, 1, 2 * width}), mod), 2, 2)
	h = n.Add(h, n.Mul(n.Linear(h, "mid", width, width, true), m[1]))
	n.Output("y", n.Linear(n.Gelu(h, true), "out", width, 16, true), onnx.Float32, "batch", "tokens", 16)
	model, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	fill(model)
	return model
}

// A row of the gate is a part of the table's: 2·20 is a multiple of 8, 20 is not, and the kernel would refuse it.
func TestAGateIsFusedWhereItsOwnRowFits(t *testing.T) {
	for width, want := range map[int64]int{20: 0, 24: 1, 32: 1} {
		m := gated(t, width)
		if err := fuse.CUDA(m, fuse.Options{}); err != nil {
			t.Fatal(err)
		}
		if got := ops(m)["GatedAdd"]; got != want {
			t.Errorf("width %d: %d nodes GatedAdd, want %d", width, got, want)
		}
	}
}
