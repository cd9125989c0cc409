package placement

import (
	"math"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Gaps is a histogram of a function's idle times, with bins that grow by a tenth from one second to a day. The zero
// value is empty.
type Gaps struct {
	bins  [gapBins]uint32
	count uint32 // in bins
	over  uint32 // longer than the last bin
}

const (
	gapBins = 120 // 1.1^119 s is 23.4 hours
	gapGrow = 1.1
)

// Add notes an idle time. Less than a second is not idling.
func (g *Gaps) Add(d time.Duration) {
	if d < time.Second {
		return
	}
	if bin := int(math.Log(d.Seconds()) / math.Log(gapGrow)); bin < gapBins {
		g.bins[bin]++
		g.count++
	} else {
		g.over++
	}
}

// percentile gives the edges of the bin that holds the p-th part of the idle times.
func (g *Gaps) percentile(p float64) (lower, upper time.Duration) {
	want, seen := uint32(math.Ceil(p*float64(g.count))), uint32(0)
	for i, n := range g.bins {
		if seen += n; seen >= max(want, 1) {
			return edge(i), edge(i + 1)
		}
	}
	return edge(gapBins - 1), edge(gapBins)
}

func edge(bin int) time.Duration {
	return time.Duration(math.Pow(gapGrow, float64(bin)) * float64(time.Second))
}

// Terms are the settings of KeepAlive.
type Terms struct {
	Fixed      time.Duration // while there are too few idle times to learn from
	Least      time.Duration // no learned time is shorter
	Most       time.Duration // nor longer
	MinSamples int
	// Worth is how many GiB·seconds of held memory one second of a start's waiting is worth.
	Worth float64
}

// DefaultTerms are what bench/simulate found good: against a fixed ten minutes a fifth less waiting for 4 % more memory on
// a machine with room, and a third less waiting on one without.
var DefaultTerms = Terms{Fixed: 10 * time.Minute, Least: 10 * time.Minute, Most: time.Hour, MinSamples: 10, Worth: 1000}

// Window is how an idle instance is treated.
type Window struct {
	Keep    time.Duration // how long it is kept; 0 with Prewarm: not at all
	Prewarm time.Duration // after what idle time one is started again; 0: it is not
	Until   time.Duration // with Prewarm: when that one goes, counted from the same moment
}

// KeepAlive follows the hybrid histogram policy (Shahrad et al., USENIX ATC 2020): keep for 1.1·P99 of the idle times;
// where even 0.9·P5 of them is long, give the instance up and start it again just before. Holding is capped by what it
// costs against the start that it saves.
func (t Terms) KeepAlive(g *Gaps, cold time.Duration, size spec.Bytes) Window {
	if g == nil || int(g.count+g.over) < t.MinSamples || g.over > g.count {
		return Window{Keep: t.Fixed}
	}
	early, _ := g.percentile(0.05)
	_, late := g.percentile(0.99)
	most := t.cap(cold, size)
	keep := min(max(scale(late, 1.1), t.Least), t.Most)
	before := scale(early, 0.9)
	until := max(scale(late, 1.1), before+t.Least)
	if keep <= most || before <= max(t.Least, 10*cold) || until-before > most {
		return Window{Keep: min(keep, most)}
	}
	return Window{Prewarm: before, Until: until}
}

// cap is how long holding is worth the start it saves, but at least Least.
func (t Terms) cap(cold time.Duration, size spec.Bytes) time.Duration {
	gib := float64(max(size, 1<<20)) / (1 << 30)
	seconds := t.Worth * cold.Seconds() / gib
	return max(t.Least, time.Duration(min(seconds, t.Most.Seconds())*float64(time.Second)))
}

func scale(d time.Duration, f float64) time.Duration { return time.Duration(float64(d) * f) }
