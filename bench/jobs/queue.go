package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// queue asks what a long queue costs: submitting to it, listing it, and the server's memory.
func queue(ctx context.Context, b *bench, r *harness.Report) error {
	p, err := b.place("queue", "10m", 1)
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
	if err := b.fill(ctx, n, r); err != nil {
		return err
	}
	watched, err := watchers(ctx, n, b.watchers)
	if err != nil {
		return err
	}
	r.Figure("watchers", float64(b.watchers))
	r.Figure("watchers_told", float64(watched))
	r.Figure("rss_watched_mb", n.rssMB())
	n.stop()
	return nil
}

func (b *bench) fill(ctx context.Context, n *node, r *harness.Report) error {
	r.Figure("rss_empty_mb", n.rssMB())
	submit := func(ctx context.Context, i int) error {
		_, err := n.submit(ctx, fmt.Sprintf("prompt number %d", i), "")
		return err
	}
	first := b.queued / 10
	if _, _, err := harness.Flood(ctx, 4, first, submit); err != nil {
		return err
	}
	r.Figure("rss_tenth_mb", n.rssMB())
	s, rate, err := harness.Flood(ctx, 4, b.queued-first, submit)
	if err != nil {
		return err
	}
	r.Quantiles("submit", s)
	r.Want("submit_p99_ms", "≤ 20")
	r.Figure("submit_per_s", rate)
	lists, err := harness.Repeat(ctx, 5, 300, func(ctx context.Context, i int) error {
		return n.call(ctx, "GET", []string{"/v1/jobs", "/v1/models/bench/jobs?state=queued", "/v1/jobs?limit=100"}[i%3], nil, nil)
	})
	if err != nil {
		return err
	}
	r.Quantiles("list", lists)
	r.Want("list_p99_ms", "≤ 50")
	r.Figure("queued", float64(b.queued))
	r.Figure("rss_full_mb", n.rssMB())
	return nil
}

// watchers follows one waiting job with many streams and cancels it: every stream must tell the end.
func watchers(ctx context.Context, n *node, count int) (told int, err error) {
	j, err := n.submit(ctx, "watched", "")
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	var open sync.WaitGroup
	var mu sync.Mutex
	var failed error
	open.Add(count)
	for range count {
		wg.Go(func() {
			once := sync.OnceFunc(open.Done)
			types, err := n.follow(ctx, j.ID, once)
			once()
			mu.Lock()
			defer mu.Unlock()
			if len(types) > 0 && types[len(types)-1] == "cancelled" {
				told++
			}
			failed = errors.Join(failed, err)
		})
	}
	open.Wait()
	err = n.call(ctx, "DELETE", "/v1/jobs/"+j.ID, nil, nil)
	wg.Wait()
	return told, errors.Join(err, failed)
}
