package placement

import (
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Clock is the ageing term of greedy-dual-size-frequency (Cherkasova 1998; for functions: FaasCache, ASPLOS 2021): it
// rises to the priority of whatever is evicted, so that what was valuable once and is not used again falls behind.
type Clock struct{ now float64 }

// Priority is what keeping an instance is worth: clock + frequency · (cold − warm) / size, in seconds saved per GiB held.
func (c *Clock) Priority(uses int64, cold, warm time.Duration, size spec.Bytes) float64 {
	gib := float64(max(size, 1<<20)) / (1 << 30)
	return c.now + float64(uses)*max(cold-warm, time.Millisecond).Seconds()/gib
}

// Evicted notes that an instance of this priority went.
func (c *Clock) Evicted(priority float64) { c.now = max(c.now, priority) }
