package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

// score is how many of the clips show what was asked for.
type score struct{ color, motion, background int }

func open(ctx context.Context, dir string) (handler.Model, error) {
	m, err := serve.Open(ctx, dir, weights.VerifyOptions{})
	if err != nil {
		return nil, err
	}
	return wan21.Open(ctx, m)
}

// judgeAll judges the same prompts on each device and in each form; the differences are those of shares.
func (b *bench) judgeAll(ctx context.Context) error {
	scores := map[string]score{}
	for _, c := range []struct {
		name, device, bundle string
		atOnce               int
	}{{"bf16", b.device, bundle.None, b.atOnce}, {"fp8", b.device, "fp8", b.atOnce}, {"cpu", "cpu", bundle.None, b.cpu}} {
		if c.atOnce == 0 {
			continue
		}
		begin := time.Now()
		s, err := b.judge(ctx, c.device, filepath.Join(b.dir, c.bundle), c.atOnce)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		scores[c.name] = s
		fmt.Printf("%s: %+v of %d in %v\n", c.name, s, b.n, time.Since(begin))
		for what, n := range map[string]int{"color": s.color, "motion": s.motion, "background": s.background} {
			b.report.Figure("judge_"+c.name+"_"+what, float64(n)/float64(b.n))
		}
		b.report.Figure("judge_"+c.name+"_clip_s", time.Since(begin).Seconds()/float64(b.n)*float64(c.atOnce))
	}
	cpu, ok := scores["cpu"]
	for _, name := range []string{"bf16", "fp8"} {
		if s := scores[name]; ok {
			worst := max(math.Abs(float64(s.color-cpu.color)), math.Abs(float64(s.motion-cpu.motion)), math.Abs(float64(s.background-cpu.background)))
			b.report.Figure("judge_"+name+"_off_cpu", worst/float64(b.n))
			b.report.Want("judge_"+name+"_off_cpu", "≤ 0.02")
		}
	}
	return nil
}

func (b *bench) judge(ctx context.Context, device, dir string, atOnce int) (sum score, err error) {
	os.Setenv(serve.DeviceEnv, device)
	m, err := open(ctx, dir)
	if err != nil {
		return sum, err
	}
	if c, ok := m.(interface{ Close() error }); ok {
		defer c.Close()
	}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	r := shapes.Rand(1)
	for i := range b.n {
		s := shapes.Draw(r)
		prompt := s.Caption(r)
		g.Go(func() error {
			clip, err := generate(ctx, m, prompt, int64(1<<20+i))
			if err != nil {
				return fmt.Errorf("%q: %w", prompt, err)
			}
			v := verdict.Judge(clip, s)
			mu.Lock()
			defer mu.Unlock()
			for _, k := range []struct {
				ok  bool
				sum *int
			}{{v.Color, &sum.color}, {v.Motion, &sum.motion}, {v.Background, &sum.background}} {
				if k.ok {
					*k.sum++
				}
			}
			return nil
		})
	}
	return sum, g.Wait()
}

// generate makes the model's default clip of a prompt.
func generate(ctx context.Context, m handler.Model, prompt string, seed int64) (*shapes.Clip, error) {
	r := m.Describe().Defaults
	r.Prompt, r.Seed = prompt, seed
	c := &shapes.Clip{Width: r.Width, Height: r.Height}
	err := m.Generate(ctx, r, handler.Output{
		Progress: func(handler.Progress) {}, Latents: func([]float32) {},
		Frame: func(rgb []byte) error {
			for _, v := range rgb {
				c.Pix = append(c.Pix, float64(v)/255)
			}
			c.Frames++
			return nil
		},
	})
	return c, err
}
