package access

import (
	"context"
	"sync"
	"time"

	"github.com/videosdgx/videosdgx/runtime/auth"
)

// recheck is how soon what a caller still reads ends after their key does, where Options say nothing.
const recheck = 5 * time.Second

// while gives a context that ends when the caller's credential does: a page that is open for days, or a log that is followed, tells
// nothing to those who may no longer ask for it. stop must be called.
func (a *Access) while(ctx context.Context, p *auth.Principal) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex
	var again *time.Timer
	look := func() {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case ctx.Err() != nil:
		case !a.good(p):
			cancel()
		default:
			again.Reset(a.Recheck)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	again = time.AfterFunc(a.Recheck, look)
	return ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		cancel()
		again.Stop()
	}
}

// good says whether a credential would still do.
func (a *Access) good(p *auth.Principal) bool {
	if !p.Expires.IsZero() && !a.Now().Before(p.Expires) {
		return false
	}
	return p.Kind != auth.ByKey || a.Keys.Good(p.ID)
}
