package jobs

import (
	"math"
	"slices"
	"time"
)

// sample is what one completed clip took, without the start of its instance.
type sample struct {
	work    float64 // Job.Work; 0: not known
	seconds float64
}

// sampled is how many of a model's clips are remembered, the newest last.
const sampled = 32

// measured is what has been measured of one model.
type measured struct {
	clips []sample
	cold  float64 // seconds that an instance takes to come up: an average that follows; 0: not known
	mean  float64 // seconds of a clip, of before clips were remembered one by one; 0: not known
}

func (m *measured) add(j Job) {
	start := j.Timing.Starting()
	if s := j.Seconds() - start; s > 0 {
		m.clips = append(m.clips, sample{j.Work, s})
		m.clips = m.clips[max(0, len(m.clips)-sampled):]
	}
	if j.Timing != nil && j.Timing.Cold && start > 0 {
		if m.cold == 0 {
			m.cold = start
		}
		m.cold += 0.3 * (start - m.cold)
	}
}

// expect gives the seconds of a clip with that much to do; 0: not known. Time goes with a power of the work, which lies near 1 unless
// clips of different sizes have shown another: a fixed part makes it less, attention over all frames more. Those of like size and the
// newest weigh most.
func (m *measured) expect(work float64) float64 {
	known := slices.DeleteFunc(slices.Clone(m.clips), func(c sample) bool { return c.work <= 0 })
	if work <= 0 || len(known) == 0 {
		return m.average()
	}
	var w, x, y, xx, xy float64 // of logarithms, from the work that is asked for
	for i, c := range known {
		dx, dy := math.Log(c.work/work), math.Log(c.seconds)
		weight := math.Pow(fade, float64(len(known)-1-i)) * math.Exp(-math.Abs(dx))
		w, x, y, xx, xy = w+weight, x+weight*dx, y+weight*dy, xx+weight*dx*dx, xy+weight*dx*dy
	}
	x, y = x/w, y/w
	power := (xy/w - x*y + tie) / (xx/w - x*x + tie)
	return math.Exp(y - min(max(power, 0), steepest)*x)
}

const (
	fade     = 0.85 // of a clip's weight, with each that comes after it
	tie      = 0.05 // holds the power near 1 where sizes differ by less than about its root, as logarithms
	steepest = 2.5  // a clip's time grows with no higher power of its work
)

// average is what a clip of no known size takes.
func (m *measured) average() float64 {
	if len(m.clips) == 0 {
		return m.mean
	}
	s := m.clips[0].seconds
	for _, c := range m.clips[1:] {
		s += 0.3 * (c.seconds - s)
	}
	return s
}

// expectation is what a clip of a model should take from the moment its function has it, and with cold set also what comes before; 0:
// nothing is known.
func (s *Service) expectation(model string, work float64, cold bool) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.measured[model]
	if m == nil {
		return 0
	}
	sec := m.expect(work)
	if cold && sec > 0 {
		sec += m.cold
	}
	return time.Duration(sec * float64(time.Second))
}
