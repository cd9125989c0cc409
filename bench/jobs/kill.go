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
	for i := range b.kills {
		time.Sleep(time.Duration(rand.Int64N(int64(b.between))))
		n.kill()
		if err := n.start(ctx); err != nil {
			return fmt.Errorf("start after kill %d: %w", i+1, err)
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
	half := v.half + look.end()
	n.stop()
	report(r, "kill9", v, half)
	r.Figure("kill9_kills", float64(b.kills))
	return b.complain(v)
}

func report(r *harness.Report, name string, v *verdict, half int) {
	for _, f := range []struct {
		name string
		n    int
	}{{"lost", v.lost}, {"doubled", v.doubled}, {"half_files", half}, {"stray_files", v.stray}} {
		r.Figure(name+"_"+f.name, float64(f.n))
		r.Want(name+"_"+f.name, "= 0")
	}
	r.Figure(name+"_jobs", float64(v.jobs))
}
