package main

import (
	"context"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// question is one kind of call and what its answers took, over all rounds.
type question struct {
	name      string
	n, warmup int
	workers   int
	url       bool    // through the function's URL, else the Invoke API
	rate      float64 // calls per second of an open loop; 0: closed
	event     []byte
	raw       bool   // of the function that gives its events back unread
	perSecond string // name of the figure of the rate; "": none

	samples *harness.Samples
	rates   []float64 // answers per second, by round
}

// ask makes a round's calls.
func (q *question) ask(ctx context.Context, s *harness.Server, function string, round int) error {
	n := harness.Share(q.n, round)
	if n == 0 {
		return nil
	}
	c := s.InvokeAPI(function, q.workers)
	if q.url {
		c = s.FunctionURL(function, q.workers)
	}
	defer c.Close()
	call := func(ctx context.Context, _ int) error { _, err := c.Call(ctx, q.event); return err }
	// others have had the machine since the last round: caches are cold again
	if _, _, err := harness.Flood(ctx, q.workers, max(q.warmup*n/q.n, 1), call); err != nil {
		return err
	}
	if q.rate > 0 {
		part, err := harness.Pace(ctx, q.rate, q.workers, n, call)
		if err == nil {
			q.samples.Take(part)
		}
		return err
	}
	part, rate, err := harness.Flood(ctx, q.workers, n, call)
	if err == nil {
		q.samples.Take(part)
		q.rates = append(q.rates, rate)
	}
	return err
}

func (q *question) report(r *harness.Report) {
	r.Quantiles(q.name, q.samples)
	if q.perSecond != "" {
		r.Observe(q.perSecond, q.rates)
	}
}
