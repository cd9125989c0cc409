package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// rounds asks for cold starts with an event that does no work, for clips of a warm instance, and for clips from absent
// whose progress is followed.
func (b *bench) rounds(ctx context.Context) error {
	first, err := b.server.FirstByte(ctx, cold, harness.Absent, []byte(`{"ping":true}`))
	if err != nil {
		return err
	}
	defer first.Close()
	c, w := &clips{bench: b, took: harness.NewSamples()}, newWatched(b)
	if err := c.begin(ctx); err != nil {
		return err
	}
	err = harness.Rounds(ctx, func(ctx context.Context, round int) error {
		for range harness.Share(b.n, round) {
			if err := first.Once(ctx); err != nil {
				return err
			}
		}
		if err := c.make(ctx, harness.Share(b.clips, round)); err != nil {
			return err
		}
		return w.make(ctx, harness.Share(b.watched, round))
	})
	c.end()
	if err != nil {
		return err
	}
	first.Report(b.report, "absent")
	w.report()
	return b.idle(ctx, demo, "idle_anon_mb")
}

// large does the same for weights that are many times the demo's: a short clip, so that all of them have been used.
func (b *bench) large(ctx context.Context) error {
	bundle := filepath.Join(b.dir, noise)
	if err := b.server.BuildBundle(ctx, b.checkpoint, bundle, b.big); err != nil {
		return err
	}
	if err := b.deploy(ctx, noise, bundle); err != nil {
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
	case <-time.After(b.settle):
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
	c, err := b.server.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"video/mp4"}}
	resp, err := c.Fetch(ctx, http.MethodPost, function, "/", header, bytes.NewReader(body))
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

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }
