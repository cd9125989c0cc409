package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// registered writes manifests into the folder that the server watches, and reads the server's memory: after it has loaded
// them one by one, and after a restart, when it finds all of them there. One of them must then answer.
func (b *bench) registered(ctx context.Context) error {
	empty, err := b.rss(ctx)
	if err != nil {
		return err
	}
	b.report.Figure("registered_0_rss_mb", empty)
	start := time.Now()
	if err := b.write(); err != nil {
		return err
	}
	if err := b.listed(ctx); err != nil {
		return err
	}
	b.report.Figure("register_s", time.Since(start).Seconds())
	loaded, err := b.rss(ctx)
	if err != nil {
		return err
	}
	b.report.Figure(fmt.Sprintf("registered_%d_live_rss_mb", b.functions), loaded)
	if err := b.server.Halt(); err != nil {
		return err
	}
	start = time.Now()
	if err := b.server.Relaunch(ctx); err != nil {
		return err
	}
	b.report.Figure("restart_s", time.Since(start).Seconds())
	if err := b.listed(ctx); err != nil {
		return err
	}
	return b.after(ctx)
}

func (b *bench) after(ctx context.Context) error {
	rss, err := b.rss(ctx)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("registered_%d_rss_mb", b.functions)
	b.report.Figure(name, rss)
	b.report.Want(name, "≤ 150")
	c := b.server.FunctionURL(function(b.functions/2), 1)
	defer c.Close()
	if _, err := c.Call(ctx, []byte("{}")); err != nil {
		return fmt.Errorf("one of the registered functions: %w", err)
	}
	return nil
}

func function(i int) string { return fmt.Sprintf("density-%04d", i) }

// write makes one folder and manifest per function; JSON is YAML.
func (b *bench) write() error {
	for i := range b.functions {
		dir := filepath.Join(b.server.Functions, function(i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		manifest, err := json.Marshal(b.echo.Manifest(function(i), map[string]any{"description": "a function that nobody calls"}))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "function.yaml"), manifest, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// listed waits until every function is there.
func (b *bench) listed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		var all struct {
			Functions []struct {
				Fault string `json:"problem"`
			}
		}
		if err := b.server.Get(ctx, "/api/v1/functions", &all); err != nil {
			return err
		}
		if len(all.Functions) >= b.functions {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d functions are registered: %w", len(all.Functions), b.functions, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (b *bench) rss(ctx context.Context) (float64, error) {
	select {
	case <-time.After(b.settle):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	n, err := harness.RSS(b.server.PID)
	return mb(n), err
}
