package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// load submits jobs from several clients, each under a key that is repeated until the server has acknowledged it, and
// remembers what was acknowledged.
type load struct {
	nodes   []*node
	workers int
	ahead   int64 // submissions per completed job are held to this many in advance

	next    atomic.Int64
	done    atomic.Int64 // completions seen
	mu      sync.Mutex
	acked   map[string]string // key → job id
	clips   map[string]string // job id → digest of the clip that it was once seen completed with
	doubled int               // keys that were acknowledged with two ids, jobs that were seen completed with two clips
	stop    chan struct{}
	wg      sync.WaitGroup
}

func newLoad(workers int, ahead int64, nodes ...*node) *load {
	return &load{nodes: nodes, workers: workers, ahead: ahead, acked: map[string]string{}, clips: map[string]string{}, stop: make(chan struct{})}
}

func (l *load) start(ctx context.Context) {
	for range l.workers {
		l.wg.Go(func() { l.work(ctx) })
	}
}

// end stops the clients once what they are at has been acknowledged.
func (l *load) end() { close(l.stop); l.wg.Wait() }

func (l *load) work(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-l.stop:
			return
		default:
		}
		if l.next.Load()-l.done.Load() >= l.ahead {
			l.look(ctx)
			continue
		}
		key := fmt.Sprintf("key-%05d", l.next.Add(1))
		l.submit(ctx, key)
	}
}

// submit repeats until there is an answer; a second request after the answer is a client that did not get it.
func (l *load) submit(ctx context.Context, key string) {
	for again := rand.IntN(4) == 0; ctx.Err() == nil; {
		j, err := l.node().submit(ctx, key, key)
		if err != nil {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		l.ack(key, j.ID)
		if !again {
			return
		}
		again = false
	}
}

func (l *load) ack(key, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, ok := l.acked[key]; ok && old != id {
		l.doubled++
		return
	}
	l.acked[key] = id
}

func (l *load) node() *node { return l.nodes[rand.IntN(len(l.nodes))] }

// completed remembers the clip that a job is completed with: it must never have another.
func (l *load) completed(j client.Job) {
	if j.Status != "completed" || j.Result == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, ok := l.clips[j.ID]; ok && old != j.Result.SHA256 {
		l.doubled++
	}
	l.clips[j.ID] = j.Result.SHA256
}

// look counts completions, so that the queue stays short enough to be finished, and sees the latest jobs complete.
func (l *load) look(ctx context.Context) {
	var m struct {
		Successful int64 `json:"successful"`
	}
	if l.node().Call(ctx, http.MethodGet, "/v1/models/bench/metrics", nil, &m) == nil {
		l.done.Store(max(l.done.Load(), m.Successful))
	}
	var page struct{ Jobs []client.Job }
	if l.node().Call(ctx, http.MethodGet, "/v1/jobs?state=completed&limit=20", nil, &page) == nil {
		for _, j := range page.Jobs {
			l.completed(j)
		}
	}
	time.Sleep(10 * time.Millisecond)
}

// drain waits until every job has ended.
func (l *load) drain(ctx context.Context, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		var q struct{ Queue struct{ Queued, Running int } }
		err := l.node().Call(ctx, http.MethodGet, "/v1/models/bench/metrics", nil, &q)
		if err == nil && q.Queue.Queued+q.Queue.Running == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d jobs still wait and %d run after %s: %w", q.Queue.Queued, q.Queue.Running, most, errors.Join(ctx.Err(), err))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
