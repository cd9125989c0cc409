package schedule

import (
	"math"
	"testing"
)

func one(int) int { return 0 }

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("%s: %v, want %v", what, got, want)
			return
		}
	}
}

// By hand: cond is (2, 0), so of the step (1, 3) the part along it is (1, 0) and the other (0, 3).
func TestAPGTakesTheStepApart(t *testing.T) {
	for _, c := range []struct {
		what string
		apg  APG
		want []float64
	}{
		{"orthogonal alone", APG{Scale: 3}, []float64{2, 6}},
		{"half of the parallel part", APG{Scale: 3, Eta: 0.5}, []float64{3, 6}},
		{"all of it is plain guidance", APG{Scale: 3, Eta: 1}, []float64{4, 6}},
		{"no guidance", APG{Scale: 1, Eta: 1}, []float64{2, 0}},
		{"shortened to a length of 1", APG{Scale: 2, Eta: 1, Norm: 1}, []float64{2 + 1/math.Sqrt(10), 3 / math.Sqrt(10)}},
		{"short enough", APG{Scale: 3, Norm: 4}, []float64{2, 6}},
	} {
		cond := []float64{2, 0}
		c.apg.Guide(cond, []float64{1, -3}, 1, one)
		near(t, c.what, cond, c.want)
	}
	zero := []float64{0, 0}
	APG{Scale: 2}.Guide(zero, []float64{-1, 0}, 1, one)
	near(t, "a prediction of nothing", zero, []float64{1, 0})
}

// Frames are guided each by itself: of [2 channels, 2 frames, 1 position] values 0 and 2 are one frame's.
func TestAPGIsByFrame(t *testing.T) {
	x, cond, uncond, sigma := []float32{1, 2, 3, 4}, []float32{.1, .2, .3, .4}, []float32{.4, -.3, .2, .1}, 0.5
	apg := APG{Scale: 8, Norm: 0.05}
	got := apg.Velocity(x, cond, uncond, sigma, 2, 1)
	for frame := range 2 {
		var c, u []float64
		for _, i := range []int{frame, frame + 2} {
			c, u = append(c, float64(x[i])-sigma*float64(cond[i])), append(u, float64(x[i])-sigma*float64(uncond[i]))
		}
		apg.Guide(c, u, 1, one)
		for k, i := range []int{frame, frame + 2} {
			if want := (float64(x[i]) - c[k]) / sigma; math.Abs(float64(got[i])-want) > 1e-6 {
				t.Errorf("value %d is %g, want %g", i, got[i], want)
			}
		}
	}
}

// The published shift of inference: σ' = 7σ/(1+6σ).
func TestShiftOfSeven(t *testing.T) {
	c := Defaults()
	c.Class, c.Shift = "FlowMatchEulerDiscreteScheduler", 7
	s, err := New(c, Options{Sigmas: []float64{1, 0.5, 0.25}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1, 3.5 / 4, 1.75 / 2.5, 0} {
		if got := float64(s.Sigmas()[i]); math.Abs(got-want) > 1e-6 {
			t.Errorf("σ %d is %g, want %g", i, got, want)
		}
	}
}
