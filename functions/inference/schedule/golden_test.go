package schedule

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/golden"
)

const tolerance = 1e-6

func TestGoldenScheduleLTX2(t *testing.T) { replayAll(t, golden.Open(t, "ltx2_schedule")) }
func TestGoldenSchedulers(t *testing.T)   { replayAll(t, golden.Open(t, "schedulers")) }

// Configurations beyond those of the published models, made by testdata/reference.py.
func TestReferenceSchedulers(t *testing.T) {
	replayAll(t, golden.OpenFile(t, "testdata/reference.safetensors"))
}

func replayAll(t *testing.T, g *golden.Case) {
	var configs map[string]json.RawMessage
	g.Config(&configs)
	if len(configs) == 0 {
		t.Fatal("no scheduler in the file")
	}
	for name, raw := range configs {
		t.Run(name, func(t *testing.T) { replay(t, g, name, raw) })
	}
}

func replay(t *testing.T, g *golden.Case, name string, raw json.RawMessage) {
	c, err := ParseConfig(raw)
	if err != nil {
		t.Fatal(err)
	}
	c.Class = map[bool]string{true: "UniPCMultistepScheduler", false: "FlowMatchEulerDiscreteScheduler"}[strings.HasPrefix(name, "unipc")]
	sigmas, _ := g.Tensor("out." + name + ".sigmas")
	timesteps, _ := g.Tensor("out." + name + ".timesteps")
	s, err := New(c, goldenOptions(t, g, name, c, raw, sigmas))
	if err != nil {
		t.Fatal(err)
	}
	golden.Near(t, "sigmas", s.Sigmas(), sigmas, tolerance)
	golden.Near(t, "timesteps", s.Timesteps(), timesteps, tolerance)
	sample, _ := g.Tensor("in." + name + ".sample")
	outputs, _ := g.Tensor("in." + name + ".model_outputs")
	want, _ := g.Tensor("out." + name + ".samples")
	n := len(sample)
	for k := range timesteps {
		if err := s.Step(sample, outputs[k*n:(k+1)*n]); err != nil {
			t.Fatal(err)
		}
		golden.Near(t, "sample", sample, want[k*n:(k+1)*n], tolerance)
	}
	if err := s.Step(sample, outputs[:n]); err == nil {
		t.Error("one step too many is no error")
	}
}

// goldenOptions: a scheduler with dynamic shifting was given sigmas linspace(1, 1/n, n) and a mu, which the file holds in
// its configuration or, failing that, only in its second sigma; every other sigma then has to follow from it.
func goldenOptions(t *testing.T, g *golden.Case, name string, c Config, raw json.RawMessage, sigmas []float32) Options {
	n := len(sigmas) - 1
	o := Options{Steps: n}
	if start := "in." + name + ".start_sigmas"; slices.Contains(g.Names(), start) {
		given, _ := g.Tensor(start)
		for _, s := range given {
			o.Sigmas = append(o.Sigmas, float64(s))
		}
	}
	if !c.DynamicShifting {
		return o
	}
	if o.Sigmas == nil {
		o.Sigmas = linspace(1, 1/float64(n), n)
	}
	var given struct{ Mu *float64 }
	if json.Unmarshal(raw, &given) == nil && given.Mu != nil {
		o.Mu = *given.Mu
		return o
	}
	o.Mu = muFromSigma(c, o.Sigmas, float64(sigmas[1]))
	t.Logf("mu %.4f", o.Mu)
	return o
}

func muFromSigma(c Config, base []float64, want float64) float64 {
	lo, hi := 1e-3, 8.0
	for range 60 {
		mid := (lo + hi) / 2
		got := c.shifted(append([]float64(nil), base...), 1, mid)
		if got[1] < want {
			lo = mid
		} else {
			hi = mid
		}
	}
	return math.Round(lo*1e4) / 1e4
}
