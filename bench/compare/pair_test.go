package main

import (
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/suite"
)

func results(rounds map[string][]float64) *suite.Results {
	r := harness.NewReport("warm")
	for name, values := range rounds {
		r.Observe(name, values)
	}
	return &suite.Results{Reports: []*harness.Report{r}}
}

// TestPairedRoundsCancelLoad: a machine whose load grows tenfold says of two equal checkouts that they are equal, and of one
// that is a fifth slower that it is.
func TestPairedRoundsCancelLoad(t *testing.T) {
	load := []float64{1, 2, 8, 10, 3, 1, 5, 9, 2, 7}
	noise := []float64{1.01, 0.99, 1.02, 0.98, 1, 1.01, 0.97, 1.03, 1, 0.99}
	times := func(by float64) (out []float64) {
		for i, l := range load {
			out = append(out, l*by*noise[i])
		}
		return out
	}
	before := results(map[string][]float64{"same_ms": load, "slower_ms": load, "few_ms": load[:3], "zero_mb": make([]float64, 10)})
	after := results(map[string][]float64{"same_ms": times(1), "slower_ms": times(1.2), "few_ms": times(1)[:3], "zero_mb": make([]float64, 10)})
	want := map[string]string{"warm/same_ms": "as before", "warm/slower_ms": "APART", "warm/few_ms": "too few rounds", "warm/zero_mb": "overlap"}
	for _, r := range paired(before, after) {
		if !strings.HasSuffix(r.String(), want[r.name]) || want[r.name] == "" {
			t.Errorf("%s, want %s", r, want[r.name])
		}
		delete(want, r.name)
	}
	if len(want) > 0 {
		t.Errorf("nothing of %v", want)
	}
}
