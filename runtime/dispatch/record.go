package dispatch

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// record is what is known of a function over all its versions.
type record struct {
	invocations, errors, coldStarts atomic.Int64

	mu   sync.Mutex
	gaps *placement.Gaps // nil before the first
}

func (r *record) failed() {
	r.invocations.Add(1)
	r.errors.Add(1)
}

func (r *record) gap(d time.Duration) {
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

func (r *record) window(t placement.Terms, cold time.Duration, size spec.Bytes) placement.Window {
	r.mu.Lock()
	defer r.mu.Unlock()
	return t.KeepAlive(r.gaps, cold, size)
}

// typical is after what time it is worth asking again when the queue is full.
func (r *record) typical() time.Duration { return time.Second }

// record gives a function's record, making it if need be. The caller holds d.mu.
func (d *Dispatcher) record(name string) *record {
	r := d.records[name]
	if r == nil {
		r = &record{}
		d.records[name] = r
	}
	return r
}
