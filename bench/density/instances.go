package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// staged weighs instances that are created and not started: with containerd a shim and a waiting runc each, with plain
// processes nothing at all.
func (b *bench) staged(ctx context.Context) error {
	return b.weigh(ctx, "staged", map[string]any{"staged": b.instances, "concurrency": b.instances})
}

// idle weighs instances that have started and wait for an event.
func (b *bench) idle(ctx context.Context) error {
	return b.weigh(ctx, "idle", map[string]any{"minInstances": b.instances, "concurrency": b.instances})
}

func (b *bench) weigh(ctx context.Context, state string, set map[string]any) (err error) {
	name := "density-" + state
	if err := b.server.Deploy(ctx, name, b.echo, set); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.Undeploy(context.WithoutCancel(ctx), name)) }()
	var ids []string
	err = b.server.Await(ctx, name, func(all []harness.Instance) bool {
		ids = ids[:0]
		for _, i := range all {
			if i.State == state {
				ids = append(ids, i.ID)
			}
		}
		return len(ids) == b.instances
	})
	if err != nil {
		return err
	}
	driver, err := b.server.Driver(ctx)
	if err != nil {
		return err
	}
	total := int64(0)
	if state != "staged" || driver != "process" {
		if total, err = harness.PSS(ids...); err != nil {
			return err
		}
	}
	b.report.Figure(fmt.Sprintf("%s_instance_pss_mb", state), mb(total)/float64(b.instances))
	return nil
}
