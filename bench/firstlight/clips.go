package main

import (
	"context"
	"maps"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// prompt is one that the demo model was trained for.
const prompt = "a big red circle moving right slowly on a navy background"

// demoRequest is for a clip of the demo model.
func (b *bench) demoRequest(seed int) map[string]any {
	r := map[string]any{"prompt": prompt, "seed": seed}
	maps.Copy(r, b.request)
	return r
}

// clips are made by one warm instance, whose memory is watched meanwhile.
type clips struct {
	*bench
	id   string
	n    int
	took *harness.Samples
	most int64 // resident memory at its peak
	seen []harness.Point
	from time.Time
}

// begin makes one that is not counted.
func (c *clips) begin(ctx context.Context) (err error) {
	if c.id, err = c.instance(ctx, demo); err != nil {
		return err
	}
	c.from = time.Now()
	return c.clip(ctx, demo, c.demoRequest(0))
}

// make measures n from the request to the last byte.
func (c *clips) make(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	peak, begun := harness.WatchPeak(c.id), time.Since(c.from).Seconds()
	watched := harness.Watch(200*time.Millisecond, func() (float64, bool) {
		m, err := harness.MemoryOf(c.id)
		return mb(m.Anon + m.File), err == nil
	})
	took, err := harness.Repeat(ctx, 0, n, func(ctx context.Context, _ int) error {
		c.n++
		return c.clip(ctx, demo, c.demoRequest(c.n))
	})
	c.most = max(c.most, peak())
	for _, p := range watched() {
		c.seen = append(c.seen, harness.Point{Seconds: begun + p.Seconds, Value: p.Value})
	}
	if err == nil {
		c.took.Take(took)
	}
	return err
}

func (c *clips) end() {
	c.report.Series["demo_memory_mb"] = c.seen
	if c.took.N() == 0 {
		return
	}
	c.report.Seconds("demo_clip", c.took)
	c.report.Figure("demo_peak_rss_mb", mb(c.most))
}
