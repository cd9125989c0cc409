// Package harness is what the programs under bench share: samples in HDR histograms, a table for people with one JSON
// line behind it, and a server of their own on a free port with temporary data.
package harness

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Samples are the durations of one question, from 1 µs to 1 h at three significant digits. None is left out, however far
// it lies. Safe for concurrent use.
type Samples struct {
	mu  sync.Mutex
	h   *hdrhistogram.Histogram
	raw []float32 // milliseconds in the order of Add: what Rounds needs
}

// NewSamples makes an empty set.
func NewSamples() *Samples {
	return &Samples{h: hdrhistogram.New(1, int64(time.Hour/time.Microsecond), 3)}
}

// Add records one duration; what lies outside the range counts as its border.
func (s *Samples) Add(d time.Duration) {
	us := min(max(d.Microseconds(), 1), int64(time.Hour/time.Microsecond))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.h.RecordValue(us) // cannot fail: us is within the range
	s.raw = append(s.raw, float32(us)/1e3)
}

// Take adds another set's samples after its own.
func (s *Samples) Take(more *Samples) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.h.Merge(more.h)
	s.raw = append(s.raw, more.raw...)
}

// N is how many were recorded.
func (s *Samples) N() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.h.TotalCount()
}

// Ms is the duration below which percent (0–100) of the samples lie, in milliseconds.
func (s *Samples) Ms(percent float64) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return float64(s.h.ValueAtPercentile(percent)) / 1e3
}

// MaxMs is the longest sample, in milliseconds.
func (s *Samples) MaxMs() float64 { return s.Ms(100) }

// rounds cuts the samples, in their order, into at most RoundCount runs of the same length, and gives each run's value at
// percent. Neighbours resemble each other, so single samples are no independent observations of a machine; runs nearly are.
func (s *Samples) rounds(percent float64) []float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(RoundCount, len(s.raw))
	out := make([]float64, 0, n)
	for i := range n {
		part := slices.Sorted(slices.Values(s.raw[i*len(s.raw)/n : (i+1)*len(s.raw)/n]))
		at := int(math.Ceil(percent/100*float64(len(part)))) - 1
		out = append(out, float64(part[min(max(at, 0), len(part)-1)]))
	}
	return out
}

// Quotients are over's samples by under's, pair by pair in the order in which they were taken: what slows a machine down for a
// while meets both of a pair.
func Quotients(over, under *Samples) []float64 {
	over.mu.Lock()
	a := slices.Clone(over.raw)
	over.mu.Unlock()
	under.mu.Lock()
	defer under.mu.Unlock()
	q := make([]float64, min(len(a), len(under.raw)))
	for i := range q {
		q[i] = float64(a[i]) / float64(under.raw[i])
	}
	return q
}

// Repeat calls step warmup times unrecorded and then n times recorded, one after the other. The first error ends it.
func Repeat(ctx context.Context, warmup, n int, step func(ctx context.Context, i int) error) (*Samples, error) {
	s := NewSamples()
	for i := range warmup + n {
		start := time.Now()
		if err := step(ctx, i); err != nil {
			return nil, fmt.Errorf("run %d of %d: %w", i+1, warmup+n, err)
		}
		if i >= warmup {
			s.Add(time.Since(start))
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Flood calls step n times from workers goroutines and gives the samples and the calls per second. The first error ends it.
func Flood(ctx context.Context, workers, n int, step func(ctx context.Context, i int) error) (*Samples, float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s, jobs, begin := NewSamples(), make(chan int), time.Now()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range jobs {
				start := time.Now()
				if err := step(ctx, i); err != nil {
					cancel(fmt.Errorf("call %d: %w", i, err))
					return
				}
				s.Add(time.Since(start))
			}
		})
	}
	for i := range n {
		select {
		case jobs <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(jobs)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, 0, err
	}
	return s, float64(n) / time.Since(begin).Seconds(), nil
}
