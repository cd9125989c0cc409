// Package judged makes clips with a model in this process, where no runtime is, and judges them.
package judged

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
	"github.com/videosdgx/videosdgx/functions/handler"
)

// Clips makes the model's default clip of each of n prompts, the same ones with the same seeds every time, atOnce at a time.
func Clips(ctx context.Context, m handler.Model, n, atOnce int) (sum verdict.Score, err error) {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	r := shapes.Rand(1)
	for i := range n {
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
			sum.Add(v)
			return nil
		})
	}
	return sum, g.Wait()
}

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
