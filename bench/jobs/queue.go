package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	w, err := watchers(ctx, n, b.watchers)
	if err != nil {
		return err
	}
	r.Figure("watchers", float64(b.watchers))
	r.Figure("watchers_told", float64(w.told))
	r.Want("watchers_told", fmt.Sprintf("= %d", b.watchers))
	r.Figure("watchers_last_told_ms", float64(w.last.Microseconds())/1e3)
	r.Figure("rss_watching_mb", w.rssMB)
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
	tenth := n.rssMB()
	r.Figure("rss_tenth_mb", tenth)
	s, rate, err := harness.Flood(ctx, 4, b.queued-first, submit)
	if err != nil {
		return err
	}
	r.Quantiles("submit", s)
	r.Want("submit_p99_ms", "≤ 20")
	r.Figure("submit_per_s", rate)
	middle, err := b.middle(ctx, n)
	if err != nil {
		return err
	}
	pages := []string{"/v1/jobs", "/v1/models/bench/jobs?state=queued", "/v1/jobs?limit=100", "/v1/jobs?client=bench&before=" + middle}
	lists, err := harness.Repeat(ctx, 5, 400, func(ctx context.Context, i int) error {
		return n.Call(ctx, http.MethodGet, pages[i%len(pages)], nil, nil)
	})
	if err != nil {
		return err
	}
	r.Quantiles("list", lists)
	r.Want("list_p99_ms", "≤ 50")
	r.Figure("queued", float64(b.queued))
	full := n.rssMB()
	r.Figure("rss_full_mb", full)
	// Flat: a job that waits costs the server next to nothing, since records are read from disk.
	r.Figure("rss_per_waiting_job_kb", (full-tenth)*1024/float64(b.queued-first))
	r.Want("rss_per_waiting_job_kb", "≤ 4")
	return nil
}

// middle gives the id of a job half way down the list.
func (b *bench) middle(ctx context.Context, n *node) (string, error) {
	all, err := n.all(ctx)
	if err != nil || len(all) < b.queued {
		return "", errors.Join(err, fmt.Errorf("%d jobs are listed of %d", len(all), b.queued))
	}
	return all[len(all)/2].ID, nil
}

type watching struct {
	told  int           // streams that told the end
	last  time.Duration // from the cancel to the last of them
	rssMB float64       // of the server, with all of them open
}

// watchers follows one waiting job with many streams and cancels it: every stream must tell the end.
func watchers(ctx context.Context, n *node, count int) (w watching, err error) {
	j, err := n.submit(ctx, "watched", "")
	if err != nil {
		return w, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	var open sync.WaitGroup
	var mu sync.Mutex
	var failed error
	var cancelled time.Time
	open.Add(count)
	for range count {
		wg.Go(func() {
			once := sync.OnceFunc(open.Done)
			types, err := n.follow(ctx, j.ID, once)
			once()
			mu.Lock()
			defer mu.Unlock()
			if len(types) > 0 && types[len(types)-1] == "cancelled" {
				w.told, w.last = w.told+1, time.Since(cancelled)
			}
			failed = errors.Join(failed, err)
		})
	}
	open.Wait()
	w.rssMB = n.rssMB()
	mu.Lock()
	cancelled = time.Now()
	mu.Unlock()
	err = n.Call(ctx, http.MethodDelete, "/v1/jobs/"+j.ID, nil, nil)
	wg.Wait()
	return w, errors.Join(err, failed)
}
