package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
	"github.com/videosdgx/videosdgx/functions/handler"
)

// score is how many of the clips show what was asked for.
type score struct{ color, motion, background int }

// off is the greatest difference of shares.
func (s score) off(want score, n int) float64 {
	d := func(a, b int) float64 { return math.Abs(float64(a-b)) / float64(n) }
	return max(d(s.color, want.color), d(s.motion, want.motion), d(s.background, want.background))
}

// judged makes the model's default clip of the same prompts and seeds, and judges each.
func (b *bench) judged(ctx context.Context, name string, open opener) (sum score, err error) {
	if b.n == 0 {
		return sum, nil
	}
	m, err := open(ctx)
	if err != nil {
		return sum, err
	}
	defer closeModel(m)
	begin := time.Now()
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(b.atOnce)
	r := shapes.Rand(1)
	for i := range b.n {
		s := shapes.Draw(r)
		prompt := s.Caption(r)
		g.Go(func() error {
			clip, err := generate(ctx, m, prompt, int64(1<<20+i))
			if err != nil {
				return fmt.Errorf("%q: %w", prompt, err)
			}
			mu.Lock()
			defer mu.Unlock()
			sum.add(verdict.Judge(clip, s))
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return sum, err
	}
	b.figure("judge_"+name+"_clip_s", time.Since(begin).Seconds()/float64(b.n)*float64(b.atOnce))
	for what, n := range map[string]int{"color": sum.color, "motion": sum.motion, "background": sum.background} {
		b.figure("judge_"+name+"_"+what, float64(n)/float64(b.n))
	}
	return sum, nil
}

func (s *score) add(v verdict.Verdict) {
	for _, k := range []struct {
		ok  bool
		sum *int
	}{{v.Color, &s.color}, {v.Motion, &s.motion}, {v.Background, &s.background}} {
		if k.ok {
			*k.sum++
		}
	}
}

// generate makes the model's default clip of a prompt.
func generate(ctx context.Context, m handler.Model, prompt string, seed int64) (*shapes.Clip, error) {
	r := m.Describe().Defaults
	r.Prompt, r.Seed = prompt, seed
	c := &shapes.Clip{Width: r.Width, Height: r.Height}
	out := silence()
	out.Frame = func(rgb []byte) error {
		for _, v := range rgb {
			c.Pix = append(c.Pix, float64(v)/255)
		}
		c.Frames++
		return nil
	}
	return c, m.Generate(ctx, r, out)
}
