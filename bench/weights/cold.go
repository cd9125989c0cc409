package main

import (
	"context"
	"fmt"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// start is a model of a size in a state.
type start struct {
	size  string
	state harness.State
	first *harness.FirstByte
}

// name is that of its figures; absent is what "cold" means without more.
func (s start) name() string {
	if s.state == harness.Absent {
		return "cold_" + harness.ShortSize(s.size)
	}
	return string(s.state) + "_" + harness.ShortSize(s.size)
}

func (s start) function() string {
	return "weights-" + string(s.state) + "-" + harness.ShortSize(s.size)
}

// coldStarts measures all sizes and states in turns, so that what else happens on the machine meets each of them alike.
func (b *bench) coldStarts(ctx context.Context) error {
	states, err := b.server.States(ctx, b.report)
	if err != nil {
		return err
	}
	var all []start
	for _, size := range b.sizes {
		for _, state := range states {
			s := start{size: size, state: state}
			if s.first, err = b.prepare(ctx, s); err != nil {
				return fmt.Errorf("%s, %s: %w", size, state, err)
			}
			defer s.first.Close()
			all = append(all, s)
		}
	}
	err = harness.Rounds(ctx, func(ctx context.Context, round int) error { return b.round(ctx, round, all) })
	if err != nil {
		return err
	}
	for _, s := range all {
		b.report.Quantiles(s.name(), s.first.Samples)
		b.report.Phases[s.name()] = s.first.Phases()
	}
	for _, state := range states {
		b.ratio(state)
	}
	b.report.Want("cold_8gb_over_64mb", "≤ 1.15")
	return nil
}

func (b *bench) round(ctx context.Context, round int, all []start) error {
	for range harness.Share(b.n, round) {
		for _, s := range all {
			if err := s.first.Once(ctx); err != nil {
				return fmt.Errorf("%s, %s: %w", s.size, s.state, err)
			}
		}
	}
	return nil
}

// ratio compares the largest with the smallest size, at p50.
func (b *bench) ratio(state harness.State) {
	first, last := start{size: b.sizes[0], state: state}, start{size: b.sizes[len(b.sizes)-1], state: state}
	if first != last {
		b.report.Ratio(last.name()+"_over_"+harness.ShortSize(first.size), last.name()+"_p50_ms", first.name()+"_p50_ms")
	}
}
