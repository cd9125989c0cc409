package wan

import (
	"math"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/text/texttest"
)

// TestAPromptAsAVector: the same words give the same vector, of length 1; another order of saying it is nearer than another thing.
func TestAPromptAsAVector(t *testing.T) {
	p := openPipeline(t, demoBundle(t), engine.Options{})
	vector := func(text string) []float32 {
		v, err := p.embed(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		if len(v) != int(p.c.Text.DModel) {
			t.Fatalf("%d values", len(v))
		}
		return v
	}
	alike := texttest.Alike
	said := vector("a big red circle moving right on a navy background")
	if got := alike(said, vector(" a big  red circle moving right on a navy background ")); math.Abs(got-1) > 1e-5 {
		t.Errorf("the same words are alike by %v", got)
	}
	near, far := alike(said, vector("on a navy background a big red circle moving right")), alike(said, vector("a small blue square standing still on a white background"))
	t.Logf("said otherwise %.4f, another thing %.4f, %.4f", near, far, alike(said, vector("a big red circle moving left on a navy background")))
	if near <= far || near > 1+1e-6 {
		t.Errorf("said otherwise %.4f, another thing %.4f", near, far)
	}
}
