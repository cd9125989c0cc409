package wan

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// A bundle in a format is smaller than the last one, and its latents stray from float32's no further than the format's own
// error lets them: guidance and two steps multiply the error of a weight (FP8 3 %, four bits 10 %) by four at most.
func TestBundlesInEveryPrecision(t *testing.T) {
	kernelstest.Library(t)
	want, size := latents(t, bundle.None)
	for _, c := range []struct {
		precision string
		share     float64 // of float32's size, at most
		stray     float64 // root mean square, of float32's
	}{{"bf16", 0.64, 0.02}, {"fp8", 0.46, 0.15}, {"int8", 0.48, 0.1}, {"nvfp4", 0.38, 0.45}, {"nf4", 0.38, 0.45}, {"int4", 0.39, 0.45}} {
		got, n := latents(t, c.precision)
		sum, norm := 0.0, 0.0
		for i := range want {
			sum += math.Pow(float64(got[i]-want[i]), 2)
			norm += math.Pow(float64(want[i]), 2)
		}
		stray, share := math.Sqrt(sum/norm), float64(n)/float64(size)
		t.Logf("%-5s %.3f of float32's size, latents off by %.4f", c.precision, share, stray)
		if stray > c.stray || math.IsNaN(stray) || share > c.share {
			t.Errorf("%s: %.3f of the size, off by %.4f; at most %g and %g are allowed", c.precision, share, stray, c.share, c.stray)
		}
	}
}

// latents are those of the small request, from a bundle in a precision, and the bundle's size.
func latents(t *testing.T, precision string) (v []float32, size int64) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), precision)
	m, err := serve.Build(context.Background(), demoCheckpoint, dir, Recipe, bundle.Options{Precision: precision})
	if err != nil {
		t.Fatal(err)
	}
	if m.Precision != precision {
		t.Errorf("the manifest says %q", m.Precision)
	}
	out := silence()
	out.Latents = func(values []float32) { v = append(v, values...) }
	if err := openPipeline(t, dir, engine.Options{}).Generate(context.Background(), small(), out); err != nil {
		t.Fatal(err)
	}
	return v, m.Bytes()
}
