package magi1

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// stage is a stretch of the walk with the same chunks in flight: those of [first, last), the first furthest. The newest has been
// through from stages, the oldest through to−1.
type stage struct{ first, last, from, to int }

// stages are those of a clip of chunks, of which the first prefix are given, with window of them in flight.
func stages(chunks, window, prefix int) (all []stage) {
	for i := prefix; i < chunks+window-1; i++ {
		all = append(all, stage{first: max(prefix, i-window+1), last: min(chunks, i+1), from: max(0, i-chunks+1), to: min(window, i-prefix+1)})
	}
	return all
}

// plan is the schedule of a clip.
type plan struct {
	c        RuntimeConfig
	chunks   int // with those of the prefix
	prefix   int // latent frames that are given
	steps    int
	times    []float32
	interval []float64
}

// newPlan is the schedule of frames latent frames after a prefix.
func newPlan(c Config, frames, prefix int) (plan, error) {
	r := c.Runtime
	p := plan{c: r, prefix: prefix, steps: r.NumSteps, chunks: (frames + prefix + r.ChunkWidth - 1) / r.ChunkWidth,
		times: times(r.NumSteps, c.Engine.Shortcut, "", 3), interval: intervals(r.NumSteps, c.Engine.Shortcut)}
	return p, r.checkSteps(r.NumSteps)
}

// checkSteps says which numbers of steps the windows and ranges of a model divide.
func (c RuntimeConfig) checkSteps(steps int) error {
	unit := lcm(c.WindowSize, max(len(c.KVRange), 1))
	if steps > 0 && steps%unit == 0 {
		return nil
	}
	low := steps / unit * unit
	if low < 1 {
		return fmt.Errorf("num_inference_steps is %d; it must be a positive multiple of %d: %d would do: %w", steps, unit, unit, errdefs.ErrInvalidArgument)
	}
	return fmt.Errorf("num_inference_steps is %d; it must be a multiple of %d: %d or %d would do: %w", steps, unit, low, low+unit, errdefs.ErrInvalidArgument)
}

func lcm(a, b int) int {
	for n := a; ; n += a {
		if n%b == 0 {
			return n
		}
	}
}

// whole is how many chunks the prefix fills.
func (p plan) whole() int { return p.prefix / p.c.ChunkWidth }

// perStage is the number of steps of a stage.
func (p plan) perStage() int { return p.steps / p.c.WindowSize }

// total is the number of steps of the walk.
func (p plan) total() int { return p.perStage() * (p.chunks + p.c.WindowSize - 1 - p.whole()) }

// forwards is how often all steps of the walk take a chunk one step on. A walk begins and ends with fewer chunks in flight than in its
// middle, so that its steps do not take equally long; these do.
func (p plan) forwards() (n int) {
	for i := range p.total() {
		n += len(p.at(i).chunks)
	}
	return n
}

// entry is a chunk in one step of the walk.
type entry struct {
	chunk int
	done  int // steps that it has had; all of them: it is clean, and there to leave its keys and values
	from  int // first chunk that it attends to
	time  float32
}

// step is one step of the walk.
type step struct {
	stage
	index    int     // within the stage
	interval float64 // of every chunk in flight
	chunks   []entry // oldest first, the clean one in front
	clean    bool    // the first of them is clean
	finishes bool    // the oldest chunk in flight is clean after it
}

// at is the i-th step.
func (p plan) at(i int) step {
	per := p.perStage()
	s := step{stage: stages(p.chunks, p.c.WindowSize, p.whole())[i/per], index: i % per}
	s.interval = p.interval[s.index]
	s.clean = s.first > p.whole() && s.index == 0
	if s.clean {
		s.chunks = append(s.chunks, entry{chunk: s.first - 1, done: p.steps, time: p.c.CleanTime})
	}
	for j := s.first; j < s.last; j++ {
		done := (s.to-1-(j-s.first))*per + s.index
		s.chunks = append(s.chunks, entry{chunk: j, done: done, time: p.times[done]})
	}
	for k := range s.chunks {
		s.chunks[k].from = max(0, s.chunks[k].chunk+1-p.sees(s.chunks[k]))
	}
	s.finishes = s.to == p.c.WindowSize && s.index == per-1
	return s
}

// sees is how many chunks an entry attends to, with itself.
func (p plan) sees(e entry) int {
	switch n := len(p.c.KVRange); {
	case n == 0:
		return e.chunk + 1
	case e.done == p.steps:
		return p.cleanSees()
	default:
		return p.c.KVRange[e.done/(p.steps/n)]
	}
}

// cleanSees is how many chunks a clean one attends to, with itself.
func (p plan) cleanSees() int {
	switch n := len(p.c.KVRange); {
	case p.c.CleanKVRange > 0:
		return p.c.CleanKVRange
	case n > 0:
		return p.c.KVRange[n-1]
	}
	return 8
}

// given are the chunks that the prefix fills, as they leave their keys and values before the walk begins.
func (p plan) given() (all []entry) {
	for j := range p.whole() {
		all = append(all, entry{chunk: j, done: p.steps, time: p.c.CleanTime, from: max(0, j+1-p.cleanSees())})
	}
	return all
}

// Slots is how many earlier chunks a chunk attends to at most; 0 where that grows with the clip.
func (c RuntimeConfig) Slots() int {
	most := c.CleanKVRange
	for _, n := range c.KVRange {
		most = max(most, n)
	}
	if len(c.KVRange) == 0 {
		return 0
	}
	return most - 1
}
