package main

import (
	"context"
	"maps"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

var ping = []byte(`{"ping":true}`)

// prepare deploys a model and calls it once: that unpacks the image and reads every byte of the bundle to check it, which
// leaves the bundle in the page cache.
func (b *bench) prepare(ctx context.Context, s start) (*harness.FirstByte, error) {
	bundle, err := b.bundle(ctx, s.size, s.format)
	if err != nil {
		return nil, err
	}
	set := map[string]any{"limits": map[string]any{"memory": "16GiB"}}
	maps.Copy(set, s.state.Set())
	if err := b.server.DeployModel(ctx, s.function(), b.function, bundle, set); err != nil {
		return nil, err
	}
	begin := time.Now()
	first, err := b.server.FirstByte(ctx, s.function(), s.state, ping)
	if s.state == harness.Absent {
		b.report.Figure("first_ever_"+named(s.format, "_")+harness.ShortSize(s.size)+"_s", time.Since(begin).Seconds())
	}
	for range b.warmup {
		if err == nil {
			_, err = first.Start(ctx)
		}
	}
	return first, err
}
