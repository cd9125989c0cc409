package dispatch

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// history is what is known of a function over all its versions.
type history struct {
	invocations, errors, coldStarts atomic.Int64
	gone                            atomic.Bool // the function was deleted; what still ends is not counted any more

	run atomic.Int64 // moving average of run times, in nanoseconds

	mu   sync.Mutex
	gaps *placement.Gaps // nil before the first
}

func (r *history) failed() {
	r.invocations.Add(1)
	r.errors.Add(1)
}

func (r *history) gap(d time.Duration) {
	if d < time.Second {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gaps == nil {
		r.gaps = &placement.Gaps{}
	}
	r.gaps.Add(d)
}

func (r *history) window(t placement.Terms, cold time.Duration, size spec.Bytes) placement.Window {
	r.mu.Lock()
	defer r.mu.Unlock()
	return t.KeepAlive(r.gaps, cold, size)
}

// ran notes how long an event took. Of two calls at the same time one may be lost, which an average can bear.
func (r *history) ran(d time.Duration) {
	if old := r.run.Load(); old > 0 {
		d = (7*time.Duration(old) + d) / 8
	}
	r.run.Store(int64(d))
}

// drained is how long a queue of n takes with so many slots, as far as is known: at least a second, at most an hour.
func (r *history) drained(n, slots int) time.Duration {
	took := time.Duration(r.run.Load()) * time.Duration(n) / time.Duration(slots)
	return min(max(took, time.Second), time.Hour)
}

// history gives a function's history, making it if need be. The caller holds d.mu.
func (d *Dispatcher) history(name string) *history {
	r := d.histories[name]
	if r == nil {
		r = &history{}
		d.histories[name] = r
	}
	return r
}
