package main

import "testing"

func TestATallyKeepsTheWorstOfBoth(t *testing.T) {
	var got tally
	got.add("  x_test.go:1: a: max error 2.50e-05 of max|want| (10 values)\n  x_test.go:2: b: off by 0.3 at 7 (got 1, want 1.3), allowed 0.1 = 0.02 · max|want|\n")
	if got.comparisons != 2 || got.failed != 1 || got.worst < .0599 || got.worst > .0601 {
		t.Errorf("%+v", got)
	}
}
