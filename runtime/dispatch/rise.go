package dispatch

import (
	"context"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// hear passes on to who waits how far an instance is on its way up. Of several on their way the last one that said
// something new is heard.
func (p *pool) hear(s spec.StartStep) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s == p.rising {
		return
	}
	p.rising = s
	for e := p.queue.Front(); e != nil; e = e.Next() {
		e.Value.(*waiter).hear(s)
	}
}

// settled forgets what was heard once no instance is on its way any more; the caller holds the pool's mutex.
func (p *pool) settled() {
	if p.table.Starting() == 0 {
		p.rising = spec.StartStep{}
	}
}

func newWaiter(since time.Time) *waiter {
	return &waiter{since: since, granted: make(chan grant, 1), news: make(chan spec.StartStep, 1)}
}

// hear leaves the latest step for the waiter to read; the caller holds the pool's mutex.
func (w *waiter) hear(s spec.StartStep) {
	if s.Phase == "" {
		return
	}
	select {
	case <-w.news: // not read yet, and not the latest any more
	default:
	}
	w.news <- s
}

// wait gives the grant, telling the invocation meanwhile what it waits for; false once ctx has ended.
func (w *waiter) wait(ctx context.Context, inv *spec.Invocation) (grant, bool) {
	told := false
	tell := func(s spec.StartStep) {
		if inv.OnStart != nil {
			inv.OnStart(s)
			told = true
		}
	}
	for {
		select {
		case g := <-w.granted:
			if told && g.err == nil {
				tell(spec.StartStep{Phase: spec.PhaseRun})
			}
			return g, true
		case s := <-w.news:
			tell(s)
		case <-ctx.Done():
			return grant{}, false
		}
	}
}
