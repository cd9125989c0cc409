package accept

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/record"
)

// gives is a session that gives the same outputs whatever it is fed.
type gives struct {
	engine.Session
	out engine.Values
}

func (g gives) Run(context.Context, engine.Values, ...string) (engine.Values, error) {
	return g.out, nil
}
func (gives) Inputs() []engine.Info { return nil }

func TestAPlanIsAcceptedByItsWorstOutput(t *testing.T) {
	want := engine.Values{"y": engine.Floats([]float32{1, -4}, 2), "z": engine.Floats([]float32{0, 0}, 2)}
	captured := []record.Capture{{Inputs: engine.Values{}, Outputs: want}}
	for _, c := range []struct {
		name  string
		out   engine.Values
		worst float64
		ok    bool
	}{
		{"the same", want, 0, true},
		{"near", engine.Values{"y": engine.Floats([]float32{1.04, -4}, 2), "z": want["z"]}, 0.01, true},
		{"off", engine.Values{"y": engine.Floats([]float32{1, -3.8}, 2), "z": want["z"]}, 0.05, false},
		{"in half precision", engine.Values{"y": engine.Tensor{Shape: []int64{2}, Data: []engine.Float16{0x3c00, 0xc400}}, "z": engine.Tensor{Shape: []int64{2}, Data: []engine.BFloat16{0, 0}}}, 0, true},
		{"not zero where zero was", engine.Values{"y": want["y"], "z": engine.Floats([]float32{1e-9, 0}, 2)}, math.Inf(1), false},
		{"no number", engine.Values{"y": engine.Floats([]float32{float32(math.NaN()), -4}, 2), "z": want["z"]}, math.Inf(1), false},
	} {
		v, err := Compare(context.Background(), gives{out: c.out}, captured, 0.02)
		if err != nil || v.OK() != c.ok || !(math.Abs(v.Worst-c.worst) < 1e-6 || v.Worst == c.worst) {
			t.Errorf("%s: %+v, %v", c.name, v, err)
		}
	}
}

func TestWhatWasNotComparedIsNotAccepted(t *testing.T) {
	v, err := Compare(context.Background(), gives{}, nil, 1)
	if !errdefs.IsFailedPrecondition(err) || v.OK() {
		t.Errorf("%+v, %v", v, err)
	}
	captured := []record.Capture{{Outputs: engine.Values{"y": engine.Zeros(3)}}}
	if _, err := Compare(context.Background(), gives{out: engine.Values{"y": engine.Zeros(2)}}, captured, 1); !errdefs.IsInvalidArgument(err) {
		t.Errorf("another shape: %v", err)
	}
	if _, err := Compare(context.Background(), gives{out: engine.Values{}}, captured, 1); !errdefs.IsNotFound(err) {
		t.Errorf("a missing output: %v", err)
	}
}

func TestHalfPrecisionIsReadRight(t *testing.T) {
	for bits, want := range map[uint16]float32{0: 0, 1: 5.9604645e-8, 0x3555: 0.33325195, 0x7bff: 65504, 0xc000: -2, 0x8400: -6.1035156e-5} {
		if got := half(bits); got != want {
			t.Errorf("%#x is %g, not %g", bits, got, want)
		}
	}
	if !math.IsInf(float64(half(0xfc00)), -1) || !math.IsNaN(float64(half(0x7e00))) {
		t.Error("infinities or no number")
	}
	if s := (Verdict{Worst: 0.5, Output: "y", Bound: 0.02}).String(); !strings.Contains(s, "0.5 of the largest value of y") {
		t.Error(s)
	}
}
