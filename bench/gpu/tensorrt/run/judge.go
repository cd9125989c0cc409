package main

import (
	"context"
	"time"

	"github.com/videosdgx/videosdgx/bench/gpu/judged"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
)

// judged makes the model's default clip of the same prompts and seeds, and judges each.
func (b *bench) judged(ctx context.Context, name string, open opener) (sum verdict.Score, err error) {
	if b.n == 0 {
		return sum, nil
	}
	m, err := open(ctx)
	if err != nil {
		return sum, err
	}
	defer closeModel(m)
	begin := time.Now()
	if sum, err = judged.Clips(ctx, m, b.n, b.atOnce); err != nil {
		return sum, err
	}
	b.figure("judge_"+name+"_clip_s", time.Since(begin).Seconds()/float64(b.n)*float64(b.atOnce))
	for what, share := range sum.Shares(b.n) {
		b.figure("judge_"+name+"_"+what, share)
	}
	return sum, nil
}
