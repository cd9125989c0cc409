package wan

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

func TestPlan(t *testing.T) {
	plan := func(o bundle.Options) bundle.Plan {
		p, err := serve.Plan(demoCheckpoint, Recipe, o, bundle.ClipSize{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	whole, coded, sliced := plan(bundle.Options{Precision: bundle.None}), plan(bundle.Options{Precision: "nf4"}), plan(bundle.Options{Precision: bundle.None, AttentionSlices: 8})
	if whole.Bytes != whole.Float32 || coded.Bytes*5 > whole.Bytes*2 || coded.Float32 != whole.Float32 {
		t.Errorf("float32 takes %d of %d, nf4 %d of %d", whole.Bytes, whole.Float32, coded.Bytes, coded.Float32)
	}
	for i, s := range whole.Stages {
		t.Logf("%s: weights %.1f MB, activations %.1f MB at %s", s.Graph, float64(s.Weights)/1e6, float64(s.Activations)/1e6, s.At)
		if s.Activations <= 0 || sliced.Stages[i].Weights != s.Weights {
			t.Errorf("%+v, sliced %+v", s, sliced.Stages[i])
		}
	}
	if text, parts := whole.Stages[0], sliced.Stages[0]; parts.Activations >= text.Activations {
		t.Errorf("the text encoder's scores take %d, in slices %d", text.Activations, parts.Activations)
	}
}

// TestThePlanIsAsLargeAsTheBundle: pages, graphs and tokenizers are counted, for engines that hold a convolution's weights in two
// layouts too.
func TestThePlanIsAsLargeAsTheBundle(t *testing.T) {
	kernelstest.Library(t)
	for precision, engines := range map[string][]string{bundle.None: {"cpu"}, "fp8": {"cpu", "cuda", "tensorrt"}, "nf4": {"tensorrt"}} {
		targets, err := serve.Targets(engines)
		if err != nil {
			t.Fatal(err)
		}
		o := bundle.Options{Precision: precision, Targets: targets}
		p, err := serve.Plan(demoCheckpoint, Recipe, o, bundle.ClipSize{})
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "bundle")
		m, err := serve.Build(context.Background(), demoCheckpoint, out, Recipe, o)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := os.Stat(filepath.Join(out, weights.ManifestName))
		if err != nil {
			t.Fatal(err)
		}
		built := m.Bytes() + manifest.Size()
		if p.Disk < built || p.Disk-built > int64(len(m.Files)+2)*onnx.PageSize || p.Disk <= p.Bytes || p.Rough { // whole pages
			t.Errorf("%s for %v: planned %d bytes, %d of them weights; built %d", precision, engines, p.Disk, p.Bytes, built)
		}
	}
}
