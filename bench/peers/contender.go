package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// peer is somebody who may take part.
type peer struct {
	name string
	join func(ctx context.Context) (*contender, error) // nil: it is not there, which has been noted
}

// contender takes part: what it can be asked in every round, and what it answered.
type contender struct {
	name string                                           // of its figures
	cold func(ctx context.Context) (time.Duration, error) // one start to the first byte; nil: it has none
	call func(ctx context.Context) error                  // one warm call; nil: it has none
	end  func(ctx context.Context) error

	starts, calls, open *harness.Samples
	coldName, warmName  string
}

func (b *bench) join(ctx context.Context, p peer) error {
	c, err := p.join(ctx)
	if err != nil || c == nil {
		return err
	}
	c.name = p.name
	c.starts, c.calls, c.open = harness.NewSamples(), harness.NewSamples(), harness.NewSamples()
	b.all = append(b.all, c)
	return c.warmUp(ctx)
}

func (b *bench) end(ctx context.Context) (err error) {
	for _, c := range b.all {
		if c.end != nil {
			err = errors.Join(err, c.end(ctx))
		}
	}
	return err
}

// warmUp starts and calls it a few times uncounted.
func (c *contender) warmUp(ctx context.Context) error {
	for range 2 {
		if c.cold != nil {
			if _, err := c.cold(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// round asks everybody the same in turn.
func (b *bench) round(ctx context.Context, round int) error {
	for _, c := range b.all {
		if err := c.coldStarts(ctx, harness.Share(b.n, round)); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for _, c := range b.all {
		if err := c.warmCalls(ctx, harness.Share(b.warm, round)); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (c *contender) coldStarts(ctx context.Context, n int) error {
	if c.cold == nil {
		return nil
	}
	for range n {
		took, err := c.cold(ctx)
		if err != nil {
			return err
		}
		c.starts.Add(took)
	}
	return nil
}

// warmCalls asks one at a time, and then in an open loop at a third of the rate that one caller reaches: well below
// saturation, waits included. There too one call is out at a time, since the emulator takes no more.
func (c *contender) warmCalls(ctx context.Context, n int) error {
	if c.call == nil || n == 0 {
		return nil
	}
	call := func(ctx context.Context, _ int) error { return c.call(ctx) }
	one, err := harness.Repeat(ctx, n/10+1, n, call)
	if err != nil {
		return err
	}
	paced, err := harness.Pace(ctx, 300/max(one.Ms(50), 0.01), 1, n, call)
	if err != nil {
		return fmt.Errorf("open loop: %w", err)
	}
	c.calls.Take(one)
	c.open.Take(paced)
	return nil
}

func (c *contender) report(r *harness.Report) {
	if c.cold != nil {
		r.Quantiles(c.coldName, c.starts)
	}
	if c.call != nil {
		r.Quantiles(c.warmName, c.calls)
		r.Quantiles(c.warmName+"_open", c.open)
	}
}
