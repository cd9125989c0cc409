package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	call caller                                           // one warm call; nil: it has none
	raw  caller                                           // the same of a function that gives its event back unread
	end  func(ctx context.Context) error

	starts, calls, open, large, json *harness.Samples

	coldName, warmName, largeName string
}

func (b *bench) join(ctx context.Context, p peer) error {
	c, err := p.join(ctx)
	if err != nil || c == nil {
		return err
	}
	c.name = p.name
	for _, s := range []**harness.Samples{&c.starts, &c.calls, &c.open, &c.large, &c.json} {
		*s = harness.NewSamples()
	}
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
	for _, c := range b.all {
		if err := c.largeEvents(ctx, harness.Share(b.large, round)); err != nil {
			return fmt.Errorf("%s: large events: %w", c.name, err)
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
	call := func(ctx context.Context, _ int) error { return c.call(ctx, small) }
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

// small and fiveMB are events that come back as they are.
var (
	small  = []byte("{}")
	fiveMB = []byte(`"` + strings.Repeat("v", 5<<20-2) + `"`)
)

// largeEvents asks with events of 5 MiB, one at a time: a function that gives them back unread, and one that has
// aws-lambda-go parse and write them, which takes as long everywhere and longer than all else.
func (c *contender) largeEvents(ctx context.Context, n int) error {
	if c.call == nil || n == 0 {
		return nil
	}
	return errors.Join(c.raw.repeat(ctx, n, c.large), c.call.repeat(ctx, n, c.json))
}

// caller sends an event and reads the answer.
type caller func(ctx context.Context, event []byte) error

func (f caller) repeat(ctx context.Context, n int, into *harness.Samples) error {
	s, err := harness.Repeat(ctx, 2, n, func(ctx context.Context, _ int) error { return f(ctx, fiveMB) })
	if err == nil {
		into.Take(s)
	}
	return err
}

func (c *contender) report(r *harness.Report) {
	if c.cold != nil {
		r.Quantiles(c.coldName, c.starts)
	}
	if c.call != nil {
		r.Quantiles(c.warmName, c.calls)
		r.Quantiles(c.warmName+"_open", c.open)
		r.Quantiles(c.largeName, c.large)
		r.Quantiles(c.largeName+"_json", c.json)
	}
}
