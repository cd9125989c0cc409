package schedule

import (
	"math"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

const wan = `{"_class_name":"UniPCMultistepScheduler","prediction_type":"flow_prediction","use_flow_sigmas":true,"flow_shift":3.0}`

func TestOneStepReachesThePrediction(t *testing.T) {
	for _, raw := range []string{wan, `{"_class_name":"FlowMatchEulerDiscreteScheduler","shift":3.0}`} {
		s, err := FromJSON([]byte(raw), Options{Steps: 1})
		if err != nil {
			t.Fatal(err)
		}
		x, v := []float32{3, -1}, []float32{1, 2}
		if err := s.Step(x, v); err != nil || math.Abs(float64(x[0]-2)) > 1e-5 || math.Abs(float64(x[1]+3)) > 1e-5 {
			t.Errorf("one step gives %v, %v; want x − v", x, err)
		}
	}
}

// A model whose x0 prediction never changes is integrated exactly, whatever the number of steps.
func TestConstantPredictionIsReached(t *testing.T) {
	for _, n := range []int{2, 3, 7, 50} {
		s, err := FromJSON([]byte(wan), Options{Steps: n})
		if err != nil {
			t.Fatal(err)
		}
		x := []float32{2, -5}
		for k := range n {
			v := []float32{(x[0] - 0.25) / s.Sigmas()[k], (x[1] + 1) / s.Sigmas()[k]}
			if err := s.Step(x, v); err != nil {
				t.Fatal(err)
			}
		}
		if math.Abs(float64(x[0]-0.25)) > 1e-4 || math.Abs(float64(x[1]+1)) > 1e-4 {
			t.Errorf("%d steps end at %v", n, x)
		}
	}
}

func TestRefusals(t *testing.T) {
	for raw, why := range map[string]string{
		`{`:                                     "scheduler configuration",
		`{"_class_name":"DDIM"}`:                "is not known",
		`{"solver_order":4,` + wan[1:]:          "supported: 1, 2, 3",
		`{"use_karras_sigmas":true,` + wan[1:]:  "flow sigmas",
		`{"lower_order_final":false,` + wan[1:]: "lower_order_final",
	} {
		if _, err := FromJSON([]byte(raw), Options{Steps: 4}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: want %q, got %v", raw, why, err)
		}
	}
	for _, n := range []int{0, -1, 1001} {
		if _, err := FromJSON([]byte(wan), Options{Steps: n}); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%d steps: %v", n, err)
		}
	}
	s, _ := FromJSON([]byte(wan), Options{Steps: 2})
	if err := s.Step(make([]float32, 2), make([]float32, 3)); !errdefs.IsInvalidArgument(err) {
		t.Errorf("different lengths: %v", err)
	}
}

// A last sigma of 1 cannot be stretched to another one.
func TestOneStepWithAShiftTerminal(t *testing.T) {
	for _, o := range []Options{{Steps: 1, Mu: 1}, {Sigmas: []float64{1}, Mu: 1}} {
		s, err := FromJSON([]byte(`{"_class_name":"FlowMatchEulerDiscreteScheduler","use_dynamic_shifting":true,"shift_terminal":0.1}`), o)
		if err != nil || s.Sigmas()[0] != 1 || s.Timesteps()[0] != 1000 {
			t.Errorf("%+v: %v, %v", o, s.Sigmas(), err)
		}
	}
}

func TestMuIsLinearInTokens(t *testing.T) {
	c := Defaults()
	if math.Abs(c.Mu(256)-0.5) > 1e-12 || math.Abs(c.Mu(4096)-1.15) > 1e-12 || math.Abs(c.Mu(2176)-0.825) > 1e-12 {
		t.Errorf("mu is %g, %g, %g", c.Mu(256), c.Mu(4096), c.Mu(2176))
	}
}

func TestGuide(t *testing.T) {
	c := []float32{2, 1}
	Guide(c, []float32{1, 1}, 5)
	if c[0] != 6 || c[1] != 1 {
		t.Errorf("guided to %v", c)
	}
}

// FuzzConfig makes a scheduler of any scheduler_config.json that is taken, and walks it to its end.
func FuzzConfig(f *testing.F) {
	f.Add(wan, 4)
	f.Add(`{"_class_name":"FlowMatchEulerDiscreteScheduler","shift":3.0,"use_dynamic_shifting":true,"shift_terminal":0.1}`, 3)
	f.Add(`{"solver_order":1,"final_sigmas_type":"sigma_min","disable_corrector":[0],`+wan[1:], 2)
	f.Add(`{"_class_name":"FlowMatchEulerDiscreteScheduler","num_train_timesteps":9000000000000000000}`, 1)
	f.Fuzz(func(t *testing.T, raw string, steps int) {
		s, err := FromJSON([]byte(raw), Options{Steps: min(steps, 100)})
		if err != nil {
			return
		}
		n := len(s.Timesteps())
		if n != min(steps, 100) || len(s.Sigmas()) != n+1 {
			t.Fatalf("%d timesteps and %d sigmas for %d steps", n, len(s.Sigmas()), steps)
		}
		x := []float32{1, -1}
		for range n {
			if err := s.Step(x, []float32{0.5, 0}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Step(x, x); !errdefs.IsFailedPrecondition(err) {
			t.Fatalf("a step after the last: %v", err)
		}
	})
}
