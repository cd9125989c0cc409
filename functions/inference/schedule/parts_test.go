package schedule

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPartsAreOneWalk walks samples of several lengths, some long enough for parts, and each beginning of the longest by itself.
func TestPartsAreOneWalk(t *testing.T) {
	const most = 3*part + 517
	for _, class := range []string{
		`{"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction", "use_flow_sigmas": true, "flow_shift": 3.0}`,
		`{"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction", "use_flow_sigmas": true, "solver_order": 3}`,
		`{"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 5.0}`,
	} {
		walk := func(from, to int) []float32 {
			s, err := FromJSON([]byte(class), Options{Steps: 5})
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 2))
			values := func() []float32 {
				v := make([]float32, most)
				for i := range v {
					v[i] = r.Float32() - 0.5
				}
				return v[from:to]
			}
			x := values()
			for range s.Timesteps() {
				v, u := values(), values()
				Guide(v, u, 5)
				if err := s.Step(x, v); err != nil {
					t.Fatal(err)
				}
			}
			return x
		}
		whole := walk(0, most)
		for _, cut := range [][2]int{{0, 1}, {0, part - 1}, {part - 3, part + 700}, {2*part + 11, most}, {most - 1, most}} {
			if !slices.Equal(walk(cut[0], cut[1]), whole[cut[0]:cut[1]]) {
				t.Errorf("%s: values %d to %d are others by themselves", class, cut[0], cut[1])
			}
		}
	}
}

func TestPartsMeetEveryValueOnce(t *testing.T) {
	for _, n := range []int{0, 1, part, 2 * part, 2*part + 1, 7*part - 1} {
		seen := make([]int32, n)
		parts(n, func(from, to int) {
			for i := from; i < to; i++ {
				seen[i]++
			}
		})
		if slices.ContainsFunc(seen, func(c int32) bool { return c != 1 }) {
			t.Errorf("of %d values some are met not once", n)
		}
	}
}
