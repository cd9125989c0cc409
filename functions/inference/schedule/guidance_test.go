package schedule

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/golden"
)

func TestGoldenGuidance(t *testing.T) {
	g := golden.Open(t, "ltx2_guidance")
	var c struct {
		Cases map[string]struct {
			Scale    float64 `json:"guidance_scale"`
			STG      float64 `json:"stg_scale"`
			Modality float64 `json:"modality_scale"`
			Rescale  float64 `json:"guidance_rescale"`
		} `json:"cases"`
	}
	g.Config(&c)
	for name, k := range c.Cases {
		t.Run(name, func(t *testing.T) {
			read := func(which string) []float32 { v, _ := g.Tensor("in." + name + "." + which); return v }
			x, shape := g.Tensor("in." + name + ".sample")
			sigma := float64(read("sigma")[0])
			cond, uncond, stg, isolated := read("velocity_cond"), read("velocity_uncond"), read("velocity_stg"), read("velocity_isolated")
			row := len(x) / int(shape[0])
			var got []float32
			for a := 0; a < len(x); a += row {
				b := a + row
				got = append(got, Guidance(k).Velocity(x[a:b], sigma, Predictions{cond[a:b], uncond[a:b], stg[a:b], isolated[a:b]})...)
			}
			want, _ := g.Tensor("out." + name + ".velocity_guided")
			golden.Near(t, name, got, want, 1e-5)
		})
	}
}

func TestNeutralGuidanceIsThePrediction(t *testing.T) {
	x, v := []float32{1, -2, 3}, []float32{0.5, 0.25, -1}
	got := Guidance{Scale: 1, Modality: 1}.Velocity(x, 0.5, Predictions{Cond: v})
	golden.Near(t, "velocity", got, v, 1e-6)
}
