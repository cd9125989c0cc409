package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/bench/gpu/judged"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

// inFP32 is what the judge says of float32's clips: of one run's, where several share the folder of plans.
func (b *bench) inFP32(ctx context.Context) (sum verdict.Score, err error) {
	path := filepath.Join(b.plans, fmt.Sprintf("judge_fp32.%d", b.n))
	release, err := hold(ctx, path+".lock")
	if err != nil {
		return sum, err
	}
	defer release()
	if raw, err := os.ReadFile(path); err == nil {
		return sum, json.Unmarshal(raw, &sum)
	}
	if sum, err = b.judged(ctx, "fp32", b.model(bundle.None, plain, b.ort, b.beside)); err != nil {
		return sum, err
	}
	raw, err := json.Marshal(sum)
	if err != nil {
		return sum, err
	}
	return sum, os.WriteFile(path, raw, 0o600)
}

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
