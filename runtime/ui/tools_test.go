package ui_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// gate cuts every connection while it is shut.
type gate struct {
	mu   sync.Mutex
	down bool
	cut  chan struct{}
	last string
}

func newGate() *gate { return &gate{cut: make(chan struct{})} }

func (g *gate) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		down, cut := g.down, g.cut
		if id := r.Header.Get("Last-Event-ID"); id != "" {
			g.last = id
		}
		g.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler)
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		go func() {
			select {
			case <-cut:
				cancel()
			case <-ctx.Done():
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (g *gate) shut() { g.mu.Lock(); g.down = true; close(g.cut); g.mu.Unlock() }

func (g *gate) open() { g.mu.Lock(); g.down, g.cut = false, make(chan struct{}); g.mu.Unlock() }

func (g *gate) resumed() string { g.mu.Lock(); defer g.mu.Unlock(); return g.last }

func contains(all, part string) bool { return strings.Contains(all, part) }
