package tensorrt

import (
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/form"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/quant"
)

// TestWhatAPlanNeedsIsWhatItsTypesNeed: as TensorRT-RTX 1.6.1 refuses them for older GPUs ("HW-specific datatypes").
func TestWhatAPlanNeedsIsWhatItsTypesNeed(t *testing.T) {
	for f, want := range map[quant.Format]int{quant.BF16: 80, quant.FP8: 89, quant.NVFP4: 100, quant.INT4: 80, quant.INT8: 80, quant.NF4: 80} {
		m, err := onnx.ReadFile(product(t, f, 128, 128))
		if err != nil {
			t.Fatal(err)
		}
		if n := form.Needs(m); n.Capability != want || n.Type == "" {
			t.Errorf("%s: %+v", f, n)
		}
		if !slices.Contains(form.Takes(want), f) {
			t.Errorf("sm_%d is said to take %v, and not %s", want, form.Takes(want), f)
		}
		if slices.Contains(form.Takes(want-1), f) {
			t.Errorf("sm_%d is said to take %s", want-1, f)
		}
	}
	m, err := onnx.ReadFile(enginetest.Write(t, func(b *onnx.Builder) {
		x := b.Input("x", onnx.Float32, "rows", 4)
		b.Output("y", b.Op("Add", []onnx.Value{x, x}), onnx.Float32, "rows", 4)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if n := form.Needs(m); n != (form.Need{}) {
		t.Errorf("float32: %+v", n)
	}
}
