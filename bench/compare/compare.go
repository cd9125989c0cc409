package main

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/suite"
)

// row is one figure in both results.
type row struct {
	name          string
	before, after benchmath.Summary
	test          benchmath.Comparison
	apart         bool // neither interval reaches the other; with a ratio: its interval does not reach 1
	rounds        [2][]float64
	ratio         *benchmath.Summary // of neighbouring rounds; nil: they were not measured in pairs
}

const confidence = 0.95

// compare takes every figure that both have rounds of. No distribution is assumed: medians, their intervals by order
// statistics, and the test by ranks.
func compare(a, b *suite.Results) (rows []row) {
	for _, before := range a.Reports {
		i := slices.IndexFunc(b.Reports, func(r *harness.Report) bool { return r.Bench == before.Bench })
		if i < 0 {
			continue
		}
		after := b.Reports[i]
		for _, figure := range slices.Sorted(maps.Keys(before.Rounds)) {
			if len(after.Rounds[figure]) == 0 {
				continue
			}
			rows = append(rows, judge(before.Bench+"/"+figure, before.Rounds[figure], after.Rounds[figure]))
		}
	}
	return rows
}

func judge(name string, before, after []float64) row {
	x, y := sample(before), sample(after)
	how := benchmath.AssumeNothing
	r := row{name: name, before: how.Summary(x, confidence), after: how.Summary(y, confidence), test: how.Compare(x, y), rounds: [2][]float64{before, after}}
	r.apart = r.before.Hi < r.after.Lo || r.after.Hi < r.before.Lo
	return r
}

// sample copies, because benchmath sorts what it is given.
func sample(values []float64) *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
}

func (r row) String() string {
	interval := func(s benchmath.Summary) string { return fmt.Sprintf("%.4g [%.4g, %.4g]", s.Center, s.Lo, s.Hi) }
	verdict := "overlap"
	switch {
	case r.apart:
		verdict = "APART"
	case r.ratio != nil && !math.IsInf(r.ratio.Hi, 1):
		verdict = "as before"
	case math.IsInf(r.before.Hi, 1) || math.IsInf(r.after.Hi, 1): // under six, any value could be the median
		verdict = "too few rounds"
	}
	if r.ratio != nil {
		return fmt.Sprintf("%s\t%s\t%s\t× %s\t(n = %d)\t%s", r.name, interval(r.before), interval(r.after), interval(*r.ratio), min(r.test.N1, r.test.N2), verdict)
	}
	change := "~" // as benchstat writes what may be chance
	if r.test.P < r.test.Alpha && r.before.Center != 0 {
		change = fmt.Sprintf("%+.1f %%", 100*(r.after.Center/r.before.Center-1))
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%.3f (n = %d+%d)\t%s", r.name, interval(r.before), interval(r.after), change, r.test.P, r.test.N1, r.test.N2, verdict)
}
