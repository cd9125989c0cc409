package bundle

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Auto is what the family bears; what is asked for stays, and is the transformer's alone.
func TestActivationsAreTheFamilys(t *testing.T) {
	bears, not := Recipe{Transformers: []string{"transformer"}, Half: "fp16", Because: "this family is published to run in FP16"}, Recipe{Transformers: []string{"transformer"}}
	for _, c := range []struct {
		r           Recipe
		asked, want string
		as          onnx.DType
		says        string
	}{
		{bears, "", "fp16", onnx.Float16, "auto: this family is published to run in FP16"}, {not, Auto, "bf16", onnx.BFloat16, "auto: this family's sums go beyond FP16"},
		{bears, "BF16", "bf16", onnx.BFloat16, ""}, {not, "fp16", "fp16", onnx.Float16, ""}, {bears, "float32", "float32", onnx.Float32, ""},
	} {
		o := Options{Activations: c.asked}
		why, err := o.computes(c.r)
		if err != nil || o.Activations != c.want || why != c.says || o.typeOf(c.r)("transformer") != c.as || o.typeOf(c.r)("text_encoder") != 0 {
			t.Errorf("%q is %s, %q, %v", c.asked, o.Activations, why, err)
		}
	}
	o := Options{Activations: "fp8"}
	if _, err := o.computes(bears); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), `"fp8"`) || !strings.Contains(err.Error(), "auto, bf16, fp16, float32 would do") {
		t.Error(err)
	}
}

// A bundle says what its graphs for a GPU compute in, and is silent where it has none; an older one computes in BF16.
func TestABundleSaysWhatItComputesIn(t *testing.T) {
	r, _, ctx := resumable(t, "")
	given := map[onnx.DType]bool{}
	r.Transformers, r.Half, r.Because = []string{r.Graphs[0].Component}, "fp16", "this family is published to run in FP16"
	gpu := target()
	gpu[0].Halves, gpu[0].Rewrite = true, func(_ *onnx.Model, as onnx.DType) error { given[as] = true; return nil }
	m, err := Build(ctx, r, t.TempDir()+"/bundle", Options{Targets: gpu})
	if err != nil || m.ComputesIn() != "fp16 (auto: this family is published to run in FP16)" || !given[onnx.Float16] {
		t.Errorf("%q, %v, given %v", m.ComputesIn(), err, given)
	}
	if m, err = Build(ctx, r, t.TempDir()+"/bundle", Options{Targets: gpu, Activations: "bf16"}); err != nil || m.ComputesIn() != "bf16" || !given[onnx.BFloat16] {
		t.Errorf("%q, %v, given %v", m.ComputesIn(), err, given)
	}
	if m, err = Build(ctx, r, t.TempDir()+"/bundle", Options{Targets: target()}); err != nil || m.ComputesIn() != "" {
		t.Errorf("%q, %v", m.ComputesIn(), err)
	}
	if a := activationsOf(weights.Manifest{}); a != "bf16" {
		t.Errorf("an older bundle computes in %s", a)
	}
}
