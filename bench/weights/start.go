package main

import (
	"context"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

var ping = []byte(`{"ping":true}`)

// prepare deploys a model of a size and calls it once: that unpacks the image and reads every byte of the bundle to check
// it, which leaves the bundle in the page cache.
func (b *bench) prepare(ctx context.Context, size string) error {
	bundle, err := b.bundle(ctx, size)
	if err != nil {
		return err
	}
	if err := b.server.DeployModel(ctx, name(size), b.function, bundle, map[string]any{"limits": map[string]any{"memory": "16GiB"}}); err != nil {
		return err
	}
	c := b.server.FunctionURL(name(size), 1)
	defer c.Close()
	start := time.Now()
	_, err = c.Call(ctx, ping)
	b.report.Figure("first_ever_"+short(size)+"_s", time.Since(start).Seconds())
	return err
}

// cold stops what runs of a size, and starts it by a call.
func (b *bench) cold(ctx context.Context, size string, c *harness.Caller) (time.Duration, error) {
	all, err := b.server.Instances(ctx, name(size))
	if err != nil {
		return 0, err
	}
	for _, i := range all {
		if err := b.server.StopInstance(ctx, i.ID); err != nil {
			return 0, err
		}
	}
	if err := b.server.Await(ctx, name(size), func(all []harness.Instance) bool { return len(all) == 0 }); err != nil {
		return 0, err
	}
	return c.Call(ctx, ping)
}
