package cli

import (
	"time"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// shares are how much of a clip's time the phases take that models report, in their order: about those of Wan 2.1's demo
// model. A bar made of them grows steadily where one for each phase would fill four times.
var shares = []struct {
	phase string
	share float64
}{{"encode", 0.04}, {"denoise", 0.72}, {"decode", 0.2}, {"mux", 0.04}}

// overall is how far a job is in all.
type overall struct {
	done  float64 // 0 to 1; never goes back within an attempt
	began time.Time
	last  client.Progress
	one   bool // the steps of all phases are counted in one
}

// through tells whether a model counts through its phases, as those do that make a clip piece by piece: the count goes on where
// the phase changes.
func (o *overall) through(p client.Progress) bool {
	if p.Steps == 0 {
		return false // of a chunk, a preview or a state
	}
	was := o.last
	o.last = p
	if p.Phase != was.Phase && was.Step > 0 {
		o.one = p.Steps == was.Steps && p.Step >= was.Step && was.Step < was.Steps
	}
	return o.one
}

// at takes a report of progress.
func (o *overall) at(p client.Progress, now time.Time) {
	if o.through(p) {
		o.done = max(o.done, min(float64(p.Step)/float64(p.Steps), 1))
		return
	}
	before := 0.0
	for _, s := range shares {
		if s.phase == p.Phase {
			if o.began.IsZero() { // what it took until the function had the event says nothing of its pace
				o.began = now
			}
			within := 0.0
			if p.Steps > 0 {
				within = min(float64(p.Step)/float64(p.Steps), 1)
			}
			o.done = max(o.done, before+s.share*within)
			return
		}
		before += s.share
	}
}

// left is how long the rest takes at the pace so far; 0 before enough is known.
func (o *overall) left(now time.Time) time.Duration {
	if o.done < 0.05 || o.done >= 1 {
		return 0
	}
	return time.Duration(float64(now.Sub(o.began)) * (1 - o.done) / o.done)
}
