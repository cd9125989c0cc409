package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// kills asks what kill -9 of the control plane costs: at random moments under load, again and again.
func kills(ctx context.Context, b *bench, r *harness.Report) error {
	p, err := b.place("kill", "20ms", 4)
	if err != nil {
		return err
	}
	n, err := newNode(p, "solo")
	if err != nil {
		return err
	}
	defer n.stop()
	if err := n.start(ctx); err != nil {
		return err
	}
	l, look := newLoad(4, 40, n), newLookout(n.outputs)
	l.start(ctx)
	starting := 0
	for kill := 0; kill < b.kills; kill++ {
		time.Sleep(time.Duration(rand.Int64N(int64(b.between))))
		n.kill()
		again, err := n.restart(ctx)
		if err != nil {
			return fmt.Errorf("start after kill %d: %w", kill+1, err)
		}
		if again {
			kill, starting = kill+1, starting+1
		}
	}
	l.end()
	if err := l.drain(ctx, 2*time.Minute); err != nil {
		return err
	}
	v, err := verify(ctx, n, l)
	if err != nil {
		return err
	}
	v.add(look.end())
	n.stop()
	v.report(r, "kill9")
	r.Figure("kill9_kills", float64(b.kills))
	r.Figure("kill9_kills_while_starting", float64(starting))
	return b.complain(v)
}
