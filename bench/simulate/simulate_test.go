package main

import (
	"cmp"
	"reflect"
	"slices"
	"testing"
	"time"
)

func small(seed uint64) traceOptions {
	return traceOptions{functions: 60, length: 6 * time.Hour, seed: seed, models: 0.05}
}

func TestTheSameSeedGivesTheSameFigures(t *testing.T) {
	a, b := generate(small(3)), generate(small(3))
	if !reflect.DeepEqual(a, b) {
		t.Fatal("traces differ")
	}
	for range 2 {
		x, y := replay(a, 64*gib, newOurs(64*gib)), replay(b, 64*gib, newOurs(64*gib))
		if x.cold != y.cold || x.evicted != y.evicted || x.waited != y.waited {
			t.Errorf("replays differ: %+v %+v", x, y)
		}
	}
	if reflect.DeepEqual(a, generate(small(4))) {
		t.Error("another seed gives the same trace")
	}
}

func TestTheTraceIsHeavyTailed(t *testing.T) {
	tr := generate(traceOptions{functions: 400, length: 24 * time.Hour, seed: 1, models: 0.1})
	rates, n := make([]float64, 0, 400), map[*function]int{}
	for _, f := range tr.functions {
		rates = append(rates, f.rate)
	}
	slices.Sort(rates)
	if hour, minute := rank(rates, 1), rank(rates, 60); hour < 0.35 || hour > 0.55 || minute < 0.7 || minute > 0.9 {
		t.Errorf("%.2f of functions at most once an hour, %.2f at most once a minute; published: 0.45 and 0.81", hour, minute)
	}
	for _, c := range tr.calls {
		n[c.fn]++
	}
	var counts []int
	for _, c := range n {
		counts = append(counts, c)
	}
	slices.SortFunc(counts, func(a, b int) int { return cmp.Compare(b, a) })
	top := 0
	for _, c := range counts[:40] {
		top += c
	}
	if share := float64(top) / float64(len(tr.calls)); share < 0.6 {
		t.Errorf("the busiest tenth has %.2f of all invocations", share)
	}
}

func rank(sorted []float64, v float64) float64 {
	i, _ := slices.BinarySearch(sorted, v)
	return float64(i) / float64(len(sorted))
}

func TestKeptForeverInEndlessMemoryIsColdOncePerInstance(t *testing.T) {
	f := &function{size: gib, cold: time.Second, run: time.Second}
	var tr trace
	for i := range 10 {
		tr.calls = append(tr.calls, call{at: time.Duration(i) * time.Hour, run: time.Second, fn: f})
	}
	s := replay(tr, 100*gib, lru{})
	if s.cold != 1 || s.warm != 9 || s.waited != time.Second {
		t.Errorf("%+v", s)
	}
	// Idle from 2 s (cold and run), and from 1 s after each later call, to the next call.
	if want := (9*3600 - 2 - 8.0) * float64(gib); s.idle != want {
		t.Errorf("idle %v, want %v", s.idle, want)
	}
	if s := replay(tr, 100*gib, fixed{ttl: 10 * time.Minute}); s.cold != 10 {
		t.Errorf("with a keep-alive shorter than the gap: %+v", s)
	}
}

func TestOursWaitsLessThanFixedAndHoldsLessThanLRU(t *testing.T) {
	tr := generate(small(1))
	keep, hold, mine := replay(tr, 128*gib, fixed{ttl: 10 * time.Minute}), replay(tr, 128*gib, lru{}), replay(tr, 128*gib, newOurs(128*gib))
	if mine.waited.Seconds()*mine.idle >= 0.95*keep.waited.Seconds()*keep.idle {
		t.Errorf("ours waited %s and held %.0f byte seconds, fixed %s and %.0f", mine.waited, mine.idle, keep.waited, keep.idle)
	}
	if mine.idle >= hold.idle {
		t.Errorf("ours held %.0f, LRU %.0f GiB·h", mine.idle/float64(gib)/3600, hold.idle/float64(gib)/3600)
	}
}
