package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// clip is a short one: it uses every weight once per step.
var clip = []byte(`{"prompt":"noise","num_frames":5,"width":64,"height":64,"num_inference_steps":2,"seed":1}`)

// sharing weighs one and then several instances of one model after each has made a clip.
func (b *bench) sharing(ctx context.Context, format string) (err error) {
	if b.shared == "" {
		return nil
	}
	bundle, err := b.bundle(ctx, b.shared, format)
	if err != nil {
		return err
	}
	const fn = "weights-shared"
	defer func() { err = errors.Join(err, b.server.Undeploy(context.WithoutCancel(ctx), fn)) }()
	one, err := b.weigh(ctx, fn, bundle, 1)
	if err != nil {
		return err
	}
	many, err := b.weigh(ctx, fn, bundle, b.together)
	if err != nil {
		return err
	}
	prefix := named(format, "_")
	b.report.Figure(prefix+"one_memory_mb", float64(one)/1e6)
	b.report.Figure(fmt.Sprintf("%s%s_memory_mb", prefix, count(b.together)), float64(many)/1e6)
	ratio := prefix + count(b.together) + "_over_one_memory"
	b.report.Figure(ratio, float64(many)/float64(one))
	b.report.Want(ratio, "≤ 1.3")
	b.report.Figure(prefix+"further_instance_memory_mb", float64(many-one)/1e6/float64(max(b.together-1, 1)))
	return nil
}

func count(n int) string {
	if n == 4 {
		return "four"
	}
	return fmt.Sprint(n)
}

// weigh keeps n instances, has each make a clip at the same time, and gives their memory a moment later.
func (b *bench) weigh(ctx context.Context, fn, bundle string, n int) (int64, error) {
	set := map[string]any{"concurrency": n, "minInstances": n, "eventsAtOnce": 1, "limits": map[string]any{"memory": "3GiB"}}
	if err := b.server.DeployModel(ctx, fn, b.function, bundle, set); err != nil {
		return 0, err
	}
	var ids []string
	if err := b.await(ctx, fn, n, &ids); err != nil {
		return 0, err
	}
	c := b.server.FunctionURL(fn, n)
	defer c.Close()
	_, _, err := harness.Flood(ctx, n, n, func(ctx context.Context, _ int) error { _, err := c.Call(ctx, clip); return err })
	if err != nil {
		return 0, err
	}
	if err := b.await(ctx, fn, n, &ids); err != nil {
		return 0, err
	}
	select {
	case <-time.After(b.settle):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return harness.PSS(ids...)
}

func (b *bench) await(ctx context.Context, fn string, n int, ids *[]string) error {
	return b.server.Await(ctx, fn, func(all []harness.Instance) bool {
		*ids = (*ids)[:0]
		for _, i := range all {
			if i.State == "idle" {
				*ids = append(*ids, i.ID)
			}
		}
		return len(*ids) == n
	})
}
