package magi1

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/text/t5"
)

// publishedConfigs are those of a published transformer with the published VAE and T5-v1.1-XXL.
func publishedConfigs(m ModelConfig, height, width int) (c configs) {
	c = tinyConfigs(32128)
	c.Model, c.Runtime.Height, c.Runtime.Width = m, height, width
	c.VAE = VAEConfig{}.WithDefaults()
	c.Text = t5.Config{ModelType: "t5", VocabSize: 32128, DModel: 4096, DKV: 64, DFF: 10240, NumLayers: 24, NumHeads: 64, FeedForward: "gated-gelu", EOS: 1}.WithDefaults()
	return c
}

// The plan of the published shapes: in NF4 all of it is less than a quarter of its float32, and the memory of a clip does not depend on how long
// it is.
func TestThePlanOfThePublishedShapes(t *testing.T) {
	for name, c := range map[string]configs{"4.5B": publishedConfigs(shape45B(), 720, 720), "24B": publishedConfigs(shape24B(), 720, 1280)} {
		r := bundle.Recipe{Family: Family, Name: name, Precision: "nf4", Graphs: c.graphs(), Sizes: c.sizes, Held: c.held}
		if _, err := r.Randomise(); err != nil {
			t.Fatal(err)
		}
		var plans []bundle.Plan
		for _, frames := range []int{24, 14400} {
			p, err := bundle.PlanOf(r, bundle.Options{}, bundle.ClipSize{Width: c.Runtime.Width, Height: c.Runtime.Height, Frames: frames})
			if err != nil {
				t.Fatal(err)
			}
			plans = append(plans, p)
		}
		a, b := plans[0], plans[1]
		if a.Peak() != b.Peak() || a.Held[0] != b.Held[0] {
			t.Errorf("%s: a second takes %+v, ten minutes %+v", name, a.Peak(), b.Peak())
		}
		tokens := int64(6 * (c.Runtime.Height / 16) * (c.Runtime.Width / 16))
		if want := 10 * 4 * 2 * tokens * c.Model.keys() * c.Model.NumLayers; a.Held[0].Bytes != want {
			t.Errorf("%s holds %d bytes, want %d", name, a.Held[0].Bytes, want)
		}
		for _, s := range a.Stages {
			t.Logf("%s: %s: weights %.2f GB, activations %.2f GB at %s", name, s.Graph, float64(s.Weights)/1e9, float64(s.Activations)/1e9, s.At)
		}
		t.Logf("%s: %.1f GB of float32 become %.1f GB; %s: %.1f GB", name, float64(a.Float32)/1e9, float64(a.Bytes)/1e9, a.Held[0].Name, float64(a.Held[0].Bytes)/1e9)
		if 4*a.Bytes > a.Float32 {
			t.Errorf("%s: %d bytes of %d", name, a.Bytes, a.Float32)
		}
	}
}
