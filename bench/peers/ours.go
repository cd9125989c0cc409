package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/videosdgx/videosdgx/bench/harness"
)

const fn = "peers-ours"

// ours asks the same questions of VideosDGX: absent → first byte, and warm calls.
func (b *bench) ours(ctx context.Context) (err error) {
	if err := b.server.Deploy(ctx, fn, b.echo, nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.Undeploy(context.WithoutCancel(ctx), fn)) }()
	c := b.server.InvokeAPI(fn, 1)
	defer c.Close()
	if _, err := c.Call(ctx, []byte("{}")); err != nil { // unpacks the image
		return err
	}
	cold := harness.NewSamples()
	for range b.n {
		if err := b.scaleToZero(ctx, fn); err != nil {
			return err
		}
		took, err := c.Call(ctx, []byte("{}"))
		if err != nil {
			return err
		}
		cold.Add(took)
	}
	b.report.Quantiles("ours_absent", cold)
	return b.warmCalls(ctx, "ours_warm", c)
}

func (b *bench) warmCalls(ctx context.Context, name string, c *harness.Caller) error {
	call := func(ctx context.Context, _ int) error { _, err := c.Call(ctx, []byte("{}")); return err }
	one, err := harness.Repeat(ctx, b.warm/10, b.warm, call)
	if err != nil {
		return err
	}
	b.report.Quantiles(name, one)
	// a third of what one caller reaches: an open loop well below saturation, waits included
	paced, err := harness.Pace(ctx, 300/max(one.Ms(50), 0.01), 32, b.warm, func(ctx context.Context, i int) error {
		return call(ctx, i)
	})
	if err != nil {
		return fmt.Errorf("open loop: %w", err)
	}
	b.report.Quantiles(name+"_open", paced)
	return nil
}

func (b *bench) scaleToZero(ctx context.Context, function string) error {
	all, err := b.server.Instances(ctx, function)
	if err != nil {
		return err
	}
	for _, i := range all {
		if err := b.server.StopInstance(ctx, i.ID); err != nil {
			return err
		}
	}
	return b.server.Await(ctx, function, func(all []harness.Instance) bool { return len(all) == 0 })
}
