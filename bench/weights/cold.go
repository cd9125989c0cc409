package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// coldStarts measures all sizes in turns, so that what else happens on the machine meets each of them alike.
func (b *bench) coldStarts(ctx context.Context) error {
	callers, samples := map[string]*harness.Caller{}, map[string]*harness.Samples{}
	for _, size := range b.sizes {
		if err := b.prepare(ctx, size); err != nil {
			return fmt.Errorf("%s: %w", size, err)
		}
		callers[size], samples[size] = b.server.FunctionURL(name(size), 1), harness.NewSamples()
		defer callers[size].Close()
	}
	for i := range b.warmup + b.n {
		for _, size := range b.sizes {
			if i == b.warmup {
				callers[size].Timing = new(harness.Timing)
			}
			took, err := b.cold(ctx, size, callers[size])
			if err != nil {
				return fmt.Errorf("%s, start %d: %w", size, i+1, err)
			}
			if i >= b.warmup {
				samples[size].Add(took)
			}
		}
	}
	for _, size := range b.sizes {
		b.report.Quantiles(figure(size), samples[size])
		b.report.Phases[figure(size)] = callers[size].Timing.Phases()
	}
	b.ratio()
	return nil
}

// ratio compares the largest with the smallest size, at p50.
func (b *bench) ratio() {
	first, last := b.sizes[0], b.sizes[len(b.sizes)-1]
	if first == last {
		return
	}
	ratio := fmt.Sprintf("cold_%s_over_%s", short(last), short(first))
	b.report.Ratio(ratio, figure(last)+"_p50_ms", figure(first)+"_p50_ms")
	b.report.Want(ratio, "≤ 1.15")
}

// short writes 8GiB as 8gb.
func short(size string) string { return strings.ToLower(strings.Replace(size, "i", "", 1)) }

func name(size string) string { return "weights-" + short(size) }

func figure(size string) string { return "cold_" + short(size) }
