package jobs

import (
	"math/rand/v2"
	"time"
)

// Backoff spaces attempts: Base, doubled each time, at most Max, each drawn from its upper half.
type Backoff struct {
	Base, Max time.Duration
}

// After gives the pause after the n-th failure, n ≥ 1; draw is uniform in [0,1).
func (b Backoff) After(n int, draw float64) time.Duration {
	d := b.Base
	for i := 1; i < n && d < b.Max; i++ {
		d *= 2
	}
	d = min(d, b.Max)
	return d/2 + time.Duration(draw*float64(d/2))
}

func (b Backoff) next(n int) time.Duration { return b.After(n, rand.Float64()) }
