package main

import (
	"context"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// ours is VideosDGX: absent → first byte, and warm calls of another function, whose instance stays.
func (b *bench) ours(ctx context.Context) (*contender, error) {
	const cold, warm = "peers-cold", "peers-warm"
	for _, name := range []string{cold, warm} {
		if err := b.server.Deploy(ctx, name, b.echo, nil); err != nil {
			return nil, err
		}
	}
	first, err := b.server.FirstByte(ctx, cold, harness.Absent, []byte("{}"))
	if err != nil {
		return nil, err
	}
	c := b.server.InvokeAPI(warm, 1)
	return &contender{
		coldName: "ours_absent", warmName: "ours_warm",
		cold: func(ctx context.Context) (time.Duration, error) { return first.Start(ctx) },
		call: func(ctx context.Context) error { _, err := c.Call(ctx, []byte("{}")); return err },
		end:  func(context.Context) error { first.Close(); c.Close(); return nil },
	}, nil
}
