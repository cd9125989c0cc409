package main

import (
	"context"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// ours is VideosDGX: absent → first byte, and warm calls of two other functions, whose instances stay.
func (b *bench) ours(ctx context.Context) (*contender, error) {
	const cold, warm, raw = "peers-cold", "peers-warm", "peers-raw"
	for name, env := range map[string]map[string]string{cold: nil, warm: nil, raw: {"ECHO_RAW": "1"}} {
		if err := b.server.Deploy(ctx, name, b.echo, map[string]any{"env": env}); err != nil {
			return nil, err
		}
	}
	first, err := b.server.FirstByte(ctx, cold, harness.Absent, []byte("{}"))
	if err != nil {
		return nil, err
	}
	c, r := b.server.InvokeAPI(warm, 1), b.server.InvokeAPI(raw, 1)
	return &contender{
		coldName: "ours_absent", warmName: "ours_warm", largeName: "ours_event_5mb",
		cold: func(ctx context.Context) (time.Duration, error) { return first.Start(ctx) },
		call: func(ctx context.Context, event []byte) error { _, err := c.Call(ctx, event); return err },
		raw:  func(ctx context.Context, event []byte) error { _, err := r.Call(ctx, event); return err },
		end:  func(context.Context) error { first.Close(); c.Close(); r.Close(); return nil },
	}, nil
}
