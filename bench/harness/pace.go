package harness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Pace calls step n times at the arrivals of a Poisson process of rate per second, whether or not earlier calls have been
// answered, as the world outside does. A call's time counts from when it was due, not from when it could be sent: what
// waits behind a slow answer is in the samples (the "coordinated omission" of closed loops leaves it out). At most
// workers calls are out at the same time; the first error ends it.
func Pace(ctx context.Context, rate float64, workers, n int, step func(ctx context.Context, i int) error) (*Samples, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type call struct {
		i   int
		due time.Time
	}
	s, calls := NewSamples(), make(chan call, n)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for c := range calls {
				if ctx.Err() != nil {
					return
				}
				if err := step(ctx, c.i); err != nil {
					cancel(fmt.Errorf("call %d: %w", c.i, err))
					return
				}
				s.Add(time.Since(c.due))
			}
		})
	}
	rng, due := rand.New(rand.NewPCG(1, uint64(n))), time.Now()
	for i := 0; i < n && ctx.Err() == nil; i++ {
		due = due.Add(time.Duration(rng.ExpFloat64() / rate * float64(time.Second)))
		sleepUntil(ctx, due)
		calls <- call{i, due} // never blocks: there is room for all
	}
	close(calls)
	wg.Wait()
	return s, context.Cause(ctx)
}

// sleepUntil sleeps to a moment; the timer's slack, well below a millisecond, counts as the server's.
func sleepUntil(ctx context.Context, t time.Time) {
	d := time.Until(t)
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
