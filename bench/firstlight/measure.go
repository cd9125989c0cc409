package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// coldStarts measures absent → first byte with an event that does no work.
func (b *bench) coldStarts(ctx context.Context) error {
	c, samples := b.server.FunctionURL(demo, 1), harness.NewSamples()
	defer c.Close()
	c.Timing = new(harness.Timing)
	for i := range b.n {
		if err := b.scaleToZero(ctx, demo); err != nil {
			return err
		}
		took, err := c.Call(ctx, []byte(`{"ping":true}`))
		if err != nil {
			return fmt.Errorf("cold start %d: %w", i+1, err)
		}
		samples.Add(took)
	}
	b.report.Quantiles("absent_first_byte", samples)
	b.report.Phases["absent"] = c.Timing.Phases()
	return nil
}

// clipTimes makes clips with a warm instance: time from request to the last byte, and the instance's memory.
func (b *bench) clipTimes(ctx context.Context) error {
	id, err := b.instance(ctx, demo)
	if err != nil {
		return err
	}
	peak := harness.WatchPeak(id)
	watched := harness.Watch(time.Second, func() (float64, bool) {
		m, err := harness.MemoryOf(id)
		return mb(m.Anon + m.File), err == nil
	})
	samples, err := harness.Repeat(ctx, 1, b.clips, func(ctx context.Context, i int) error {
		return b.clip(ctx, demo, map[string]any{"prompt": "a big red circle moving right slowly on a navy background", "seed": i})
	})
	most := peak()
	b.report.Series["demo_memory_mb"] = watched()
	if err != nil {
		return err
	}
	b.report.Figure("demo_clip_s", samples.Ms(50)/1e3)
	b.report.Figure("demo_clip_p90_s", samples.Ms(90)/1e3)
	b.report.Figure("demo_clip_p99_s", samples.Ms(99)/1e3)
	b.report.Figure("demo_peak_rss_mb", mb(most))
	return b.idle(ctx, demo, "idle_anon_mb")
}

// large does the same for weights that are many times the demo's: a short clip, so that all of them have been used.
func (b *bench) large(ctx context.Context) error {
	if err := b.deploy(ctx, noise, b.big); err != nil {
		return err
	}
	request := map[string]any{"prompt": "noise", "num_frames": 5, "width": 64, "height": 64, "num_inference_steps": 2, "seed": 1}
	if err := b.clip(ctx, noise, request); err != nil {
		return err
	}
	return b.idle(ctx, noise, "idle_anon_1gb_bundle_mb")
}

// idle reads the anonymous memory of a warm instance, a moment after its last answer.
func (b *bench) idle(ctx context.Context, function, figure string) error {
	id, err := b.instance(ctx, function)
	if err != nil {
		return err
	}
	select {
	case <-time.After(2 * time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	m, err := harness.MemoryOf(id)
	if err != nil {
		return err
	}
	b.report.Figure(figure, mb(m.Anon))
	return nil
}

func (b *bench) ping(ctx context.Context, function string) error {
	c := b.server.FunctionURL(function, 1)
	defer c.Close()
	_, err := c.Call(ctx, []byte(`{"ping":true}`))
	return err
}

// clip asks for one clip and reads it to its end.
func (b *bench) clip(ctx context.Context, function string, request map[string]any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.server.URL+"/fn/"+function+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "video/mp4")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	clip, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !bytes.Contains(clip[:min(len(clip), 64)], []byte("ftyp"))) {
		err = fmt.Errorf("no clip: %s: %.500s", resp.Status, clip)
	}
	return err
}

func (b *bench) instance(ctx context.Context, function string) (string, error) {
	all, err := b.server.Instances(ctx, function)
	if err == nil && len(all) != 1 {
		err = fmt.Errorf("%d instances of %s, want one", len(all), function)
	}
	if err != nil {
		return "", err
	}
	return all[0].ID, nil
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
	return nil
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }
