package main

import (
	"context"
	"fmt"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// start is a model of a size and a format in a state.
type start struct {
	size   string
	format string // empty: there is one only
	state  harness.State
	first  *harness.FirstByte
}

// name is that of its figures, such as "cold_fp8_1gb"; absent is what "cold" means without more.
func (s start) name() string {
	state := string(s.state)
	if s.state == harness.Absent {
		state = "cold"
	}
	return state + "_" + named(s.format, "_") + harness.ShortSize(s.size)
}

func (s start) function() string {
	return "weights-" + string(s.state) + "-" + named(s.format, "-") + harness.ShortSize(s.size)
}

// named is the part of a name that says a format, where there is more than one.
func named(format, end string) string {
	if format == "" {
		return ""
	}
	return format + end
}

// coldStarts measures all sizes, formats and states in turns, so that what else happens on the machine meets each of them alike.
func (b *bench) coldStarts(ctx context.Context) error {
	states, err := b.server.States(ctx, b.report)
	if err != nil {
		return err
	}
	var all []start
	for _, s := range b.starts(states) {
		if s.first, err = b.prepare(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.name(), err)
		}
		defer s.first.Close()
		all = append(all, s)
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
		for _, format := range b.distinct() {
			b.ratio(state, format)
		}
	}
	b.formats(all)
	b.report.Want("cold_8gb_over_64mb", "≤ 1.15")
	return nil
}

// starts are all that is measured.
func (b *bench) starts(states []harness.State) (all []start) {
	for _, size := range b.sizes {
		for _, format := range b.distinct() {
			for _, state := range states {
				all = append(all, start{size: size, format: format, state: state})
			}
		}
	}
	return all
}

// distinct are the formats as figures name them: one alone has no name.
func (b *bench) distinct() []string {
	if len(b.quant) == 1 {
		return []string{""}
	}
	return b.quant
}

// formats compares each format with the first, start by start: both were made in the same rounds, and the figure is the median of
// the pairs' quotients.
func (b *bench) formats(all []start) {
	for _, s := range all {
		for _, base := range all {
			if base.format != b.quant[0] || s.format == base.format || s.size != base.size || s.state != base.state {
				continue
			}
			name := s.name() + "_over_" + base.format
			b.report.Observe(name, harness.Quotients(s.first.Samples, base.first.Samples))
			b.report.Want(name, "≤ 1.1")
		}
	}
}

func (b *bench) round(ctx context.Context, round int, all []start) error {
	for range harness.Share(b.n, round) {
		for _, s := range all {
			if err := s.first.Once(ctx); err != nil {
				return fmt.Errorf("%s: %w", s.name(), err)
			}
		}
	}
	return nil
}

// ratio compares the largest with the smallest size, at p50.
func (b *bench) ratio(state harness.State, format string) {
	first, last := start{size: b.sizes[0], format: format, state: state}, start{size: b.sizes[len(b.sizes)-1], format: format, state: state}
	if first != last {
		b.report.Ratio(last.name()+"_over_"+harness.ShortSize(first.size), last.name()+"_p50_ms", first.name()+"_p50_ms")
	}
}
