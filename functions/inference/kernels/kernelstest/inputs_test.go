package kernelstest

import (
	"context"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/ort"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// TestWeightsAsInputs: an optimiser is given graphs whose weights are inputs. They open, and sizes are checked by the run.
func TestWeightsAsInputs(t *testing.T) {
	Library(t)
	q, x := quantized(t, "int8 asymmetric", weight(7, 200), 7, 200), weight(3, 200)
	b := onnx.NewBuilder("linear")
	in := engine.Values{"x": engine.Floats(x, 3, 200)}
	parts := map[string]onnx.Value{}
	for _, p := range q.Parts() {
		dims := make([]any, len(p.Dims))
		for i := range dims {
			dims[i] = "any" + p.Suffix + string(rune('0'+i))
		}
		parts[p.Suffix] = b.Input("w"+p.Suffix, dtype(p.Float), dims...)
		if p.Float {
			in["w"+p.Suffix] = engine.Floats(q.Scales, p.Dims...)
		} else {
			in["w"+p.Suffix] = engine.Tensor{Shape: p.Dims, Data: p.Data}
		}
	}
	b.Output("y", quant.Linear(b, b.Input("x", onnx.Float32, "rows", q.K), q, parts, "", false), onnx.Float32, "rows", q.N)
	m, err := b.Model()
	if err != nil {
		t.Fatal(err)
	}
	e, err := ort.Load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Open(context.Background(), write(t, m, nil), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "product", out.Float32("y"), product(t, q, x, nil), exact)
	in["w.scales"] = engine.Floats(q.Scales[:7], 7, 1)
	if _, err := s.Run(context.Background(), in); err == nil || !strings.Contains(err.Error(), "scales") {
		t.Errorf("with too few scales: %v", err)
	}
}
