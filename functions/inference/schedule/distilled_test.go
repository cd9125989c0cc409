package schedule

import (
	"math"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/golden"
)

func TestGoldenSteps(t *testing.T) { replayAll(t, golden.Open(t, "wan_steps")) }

// Every schedule of the file by both rules: replaying the reference's velocities, and with velocities of one's own.
func TestGoldenDistilled(t *testing.T) {
	g := golden.Open(t, "wan_steps_distilled")
	var c struct {
		Train     int `json:"num_train_timesteps"`
		Schedules map[string]Distilled
	}
	g.Config(&c)
	if len(c.Schedules) == 0 {
		t.Fatal("no schedule in the file")
	}
	for name, d := range c.Schedules {
		noise, _ := g.Tensor("in." + name + ".noise")
		for _, rule := range []string{"euler", "renoise"} {
			t.Run(name+"/"+rule, func(t *testing.T) {
				d.Renoise = rule == "renoise"
				outputs, _ := g.Tensor("in." + name + "." + rule + ".model_outputs")
				for tolerance, velocity := range map[float64]func(i int, x []float32, t float32) []float32{
					1e-6: func(i int, x []float32, _ float32) []float32 { return outputs[i*len(x) : (i+1)*len(x)] },
					1e-5: ownVelocity,
				} {
					walkGolden(t, g, name, rule, d, c.Train, noise, velocity, tolerance)
				}
			})
		}
	}
}

// ownVelocity is the file's config.velocity.
func ownVelocity(_ int, x []float32, t float32) []float32 {
	v := make([]float32, len(x))
	for i := range x {
		v[i] = float32(0.5*float64(x[i]) - 0.25*math.Sin(3*float64(x[i])) + 0.1*float64(t)/1000*math.Cos(float64(x[i])))
	}
	return v
}

func walkGolden(t *testing.T, g *golden.Case, name, rule string, d Distilled, train int, noise []float32, velocity func(int, []float32, float32) []float32, tolerance float64) {
	t.Helper()
	s, err := NewDistilled(d, d.Steps(), train, func(step, n int) []float32 { return noise[step*n : (step+1)*n] })
	if err != nil {
		t.Fatal(err)
	}
	sigmas, _ := g.Tensor("out." + name + ".sigmas")
	times, _ := g.Tensor("out." + name + ".timesteps")
	golden.Near(t, "sigmas", s.Sigmas(), sigmas, 1e-6)
	golden.Near(t, "timesteps", s.Timesteps(), times, 1e-6)
	x, _ := g.Tensor("in." + name + ".sample")
	want, _ := g.Tensor("out." + name + "." + rule + ".samples")
	n := len(x)
	for i, at := range s.Timesteps() {
		if err := s.Step(x, velocity(i, x, at)); err != nil {
			t.Fatal(err)
		}
		golden.Near(t, "sample", x, want[i*n:(i+1)*n], tolerance)
	}
	if err := s.Step(x, x); err == nil {
		t.Error("one step too many is no error")
	}
}

func TestDistilledSchedules(t *testing.T) {
	four := Distilled{Positions: []float64{1000, 750, 500, 250}, Shift: 5}
	s, err := NewDistilled(four, 8, 1000, nil) // another number of steps: at equal distances
	if err != nil || len(s.Timesteps()) != 8 || math.Abs(float64(s.Timesteps()[4])-833.3333) > 1e-3 {
		t.Errorf("%v, %v", s, err)
	}
	for want, d := range map[string]Distilled{
		"needs a denoising_step_list": {Shift: 5}, "positive sample_shift": {Positions: []float64{1000}}, "has 1001 positions": {Positions: make([]float64, 1001), Shift: 1}, "must fall": {Positions: []float64{500, 750}, Shift: 1},
		"at most 1000": {Positions: []float64{1200}, Shift: 1}, "stay above 0": {Positions: []float64{500, 0}, Shift: 1},
	} {
		if _, err := NewDistilled(d, 1, 1000, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: want %q, got %v", d, want, err)
		}
	}
	if _, err := NewDistilled(four, 0, 1000, nil); err == nil {
		t.Error("no steps are steps")
	}
}
