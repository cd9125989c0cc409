package wan

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt/accept"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// TestGraphsForTensorRT8SayTheSame lowers every graph of the demo to what TensorRT 8.6 takes and has ONNX Runtime run it on
// what the float32 graphs were fed: in float32 it is the same to the last digits, and products of INT8 codes, by ranges that
// were measured on the same clip, stay near.
func TestGraphsForTensorRT8SayTheSame(t *testing.T) {
	ctx, watched, dir := context.Background(), watchedDemo(t), t.TempDir()
	for precision, bounds := range map[string]map[string]float64{
		bundle.None: {graphText: 1e-4, graphTransformer: 1e-4, graphDecodeFirst: 1e-4, graphDecodeNext: 1e-4},
		"int8":      {graphText: 0.15, graphTransformer: 0.25},
	} {
		to := filepath.Join(dir, precision)
		if _, err := serve.Build(ctx, demoCheckpoint, to, Recipe, bundle.Options{Precision: precision, Targets: []bundle.Target{serve.TensorRT()}}); err != nil {
			t.Fatal(err)
		}
		for g, bound := range bounds {
			r := tensorrt.Recipe{Model: filepath.Join(to, bundle.GraphFile(g, "tensorrt"))}
			var err error
			if precision == "int8" {
				if r.Scales, err = accept.Scales(ctx, watched.Engine, r.Model, watched.Captures(g)); err != nil || len(r.Scales) == 0 {
					t.Fatalf("%s: %d scales, %v", g, len(r.Scales), err)
				}
			}
			lowered := filepath.Join(to, g)
			if err := tensorrt.Lower(r, lowered); err != nil {
				t.Fatalf("%s in %s: %v", g, precision, err)
			}
			s, err := watched.Engine.Open(ctx, filepath.Join(lowered, "graph.onnx"), engine.Options{})
			if err != nil {
				t.Fatalf("%s in %s: %v", g, precision, err)
			}
			v, err := accept.Compare(ctx, s, watched.Captures(g), bound)
			s.Close()
			t.Logf("%s in %s: %s", g, precision, v)
			if err != nil || !v.OK() {
				t.Errorf("%s in %s: %s, %v", g, precision, v, err)
			}
		}
	}
}

// watchedBundle is the demo in float32, whose engine keeps what every graph is fed and gives.
func watchedBundle(t *testing.T) (*bundle.Model, *record.Engine) {
	t.Helper()
	kernelstest.Library(t)
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), "plain")
	if _, err := serve.Build(ctx, demoCheckpoint, dir, Recipe, bundle.Options{Precision: bundle.None}); err != nil {
		t.Fatal(err)
	}
	return watch(t, dir)
}

// watch opens a bundle with an engine that keeps what every graph is fed and gives.
func watch(t *testing.T, dir string) (*bundle.Model, *record.Engine) {
	t.Helper()
	m, err := serve.Open(context.Background(), dir, weights.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	watched := record.New(m.Engine)
	watched.Keep(2)
	m.Engine = watched
	return m, watched
}

// watchedDemo makes the small clip of the demo in float32 and keeps what every graph was fed and gave.
func watchedDemo(t *testing.T) *record.Engine {
	t.Helper()
	ctx := context.Background()
	m, watched := watchedBundle(t)
	p, err := open(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Generate(ctx, small(), silence()); err != nil {
		t.Fatal(err)
	}
	return watched
}
