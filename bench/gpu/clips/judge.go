package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/bench/gpu/judged"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

func open(ctx context.Context, dir string) (handler.Model, error) {
	m, err := serve.Open(ctx, dir, weights.VerifyOptions{})
	if err != nil {
		return nil, err
	}
	return wan21.Open(ctx, m)
}

// judgeAll judges the same prompts on each device and in each form; the differences are those of shares.
func (b *bench) judgeAll(ctx context.Context) error {
	type run struct {
		name, device, bundle string
		atOnce               int
	}
	scores, runs := map[string]verdict.Score{}, []run(nil)
	for _, f := range b.formats {
		runs = append(runs, run{f, b.device, f, b.atOnce})
	}
	for _, c := range append(runs, run{"cpu", "cpu", b.plain(), b.cpu}) {
		if c.atOnce == 0 || c.bundle == "" {
			continue
		}
		begin := time.Now()
		s, err := b.judge(ctx, c.device, filepath.Join(b.dir, c.bundle), c.atOnce)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		scores[c.name] = s
		fmt.Printf("%s: %+v of %d in %v\n", c.name, s, b.n, time.Since(begin))
		for what, share := range s.Shares(b.n) {
			b.report.Figure("judge_"+c.name+"_"+what, share)
		}
		b.report.Figure("judge_"+c.name+"_clip_s", time.Since(begin).Seconds()/float64(b.n)*float64(c.atOnce))
	}
	cpu, ok := scores["cpu"]
	for _, name := range b.formats {
		if s := scores[name]; ok {
			b.report.Figure("judge_"+name+"_off_cpu", s.Off(cpu, b.n))
			b.report.Want("judge_"+name+"_off_cpu", "≤ 0.02")
		}
	}
	return nil
}

func (b *bench) judge(ctx context.Context, device, dir string, atOnce int) (sum verdict.Score, err error) {
	os.Setenv(serve.DeviceEnv, device)
	m, err := open(ctx, dir)
	if err != nil {
		return sum, err
	}
	if c, ok := m.(interface{ Close() error }); ok {
		defer c.Close()
	}
	return judged.Clips(ctx, m, b.n, atOnce)
}
