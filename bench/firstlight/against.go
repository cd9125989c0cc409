package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// against are the clips of the same checkpoint in another precision, made in turns with the default one's by another warm
// instance.
type against struct {
	*bench
	byDefault, other *harness.Samples
	seed             int
}

// begin builds and deploys the other bundle and makes a clip that is not counted.
func (a *against) begin(ctx context.Context) error {
	bundle := filepath.Join(a.dir, other)
	if err := a.server.BuildBundle(ctx, a.checkpoint, bundle, "", "--quant", a.precision); err != nil {
		return err
	}
	if err := a.deploy(ctx, other, bundle); err != nil {
		return err
	}
	return a.clip(ctx, other, a.demoRequest(0))
}

// make makes n pairs of clips of one seed each, the first of a pair by the one and by the other in turns.
func (a *against) make(ctx context.Context, n int) error {
	for range n {
		a.seed++
		pair := []struct {
			function string
			to       *harness.Samples
		}{{demo, a.byDefault}, {other, a.other}}
		if a.seed%2 == 0 {
			pair[0], pair[1] = pair[1], pair[0]
		}
		for _, p := range pair {
			begin := time.Now()
			if err := a.clip(ctx, p.function, a.demoRequest(a.seed)); err != nil {
				return err
			}
			p.to.Add(time.Since(begin))
		}
	}
	return nil
}

// compare is a part of the run of its own, so that the other instance is not there while memory is watched.
func (b *bench) compare(ctx context.Context) error {
	if b.precision == "" {
		return nil
	}
	a := &against{bench: b, byDefault: harness.NewSamples(), other: harness.NewSamples()}
	if err := a.begin(ctx); err != nil {
		return err
	}
	if err := a.make(ctx, max(b.clips, 1)); err != nil {
		return err
	}
	b.report.Seconds("demo_clip_in_turns", a.byDefault)
	b.report.Seconds("demo_clip_"+b.precision, a.other)
	b.report.Observe(b.precision+"_over_demo_clip", harness.Quotients(a.other, a.byDefault))
	b.report.Want(b.precision+"_over_demo_clip", "≥ 1")
	return nil
}
