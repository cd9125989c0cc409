package jobs

import (
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// pace is how fast a job goes through the steps of its present phase. Steps of different phases take different times, so that each phase
// is measured by itself, unless it goes on counting where the other was: a clip that is made in chunks is denoised and decoded in turns.
type pace struct {
	first, last   spec.Progress
	since, latest time.Time
}

func (p *pace) step(now spec.Progress, at time.Time) {
	if now.Steps <= 0 {
		return // its end is as near as that of the phase before
	}
	goesOn := now.Steps == p.last.Steps && now.Step >= p.last.Step && p.last.Step > 0 && p.last.Step < p.last.Steps
	if now.Phase != p.last.Phase && !goesOn || now.Step < p.last.Step || p.since.IsZero() {
		p.first, p.since = now, at
	}
	p.last, p.latest = now, at
}

// left expects the rest of the phase, and says which share of it is done; false before two of its steps have been seen.
func (p *pace) left(now time.Time) (left time.Duration, share float64, ok bool) {
	done, rest := p.last.Step-p.first.Step, p.last.Steps-p.last.Step
	if done <= 0 || rest < 0 {
		return 0, 0, false
	}
	each := p.latest.Sub(p.since) / time.Duration(done)
	return max(0, time.Duration(rest)*each-now.Sub(p.latest)), float64(p.last.Step) / float64(p.last.Steps), true
}
