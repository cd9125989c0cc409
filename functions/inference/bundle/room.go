package bundle

import (
	"fmt"
	"math"
	"strings"

	"github.com/containerd/errdefs"
)

// Room is the memory of an instance, and what clips take of it.
type Room struct {
	// Memory is what a stage may take, in bytes; 0: no limit is known, and everything fits.
	Memory int64
	// Held is what the request itself takes of the instance besides, in bytes, for the sentence: Memory is without it.
	Held int64
	// Stages are those of a clip, of which every one must fit by itself.
	Stages func(c ClipSize) ([]Stage, error)
	// Step is what width and height are multiples of, and frames less one.
	Step ClipSize
	// Least is the smallest width and height that may be offered; what it leaves at zero is a step.
	Least ClipSize
	// Fewer are the ways to have fewer frames at once; the first is also how a clip is made as short as can be. None: the number of
	// frames does not matter.
	Fewer []Fewer
}

// Fewer is a field of a request by which it has fewer frames at once, what it takes then, and how few there can be; 0: one.
type Fewer struct {
	Field  string
	Stages func(c ClipSize) ([]Stage, error)
	Least  int
}

// Check refuses a clip that would not fit, in a sentence that says which ones would, or else how much memory the smallest takes.
func (r Room) Check(c ClipSize) error {
	if r.Memory <= 0 {
		return nil
	}
	most, err := r.peak(c)
	if err != nil || most.total() <= r.Memory {
		return err
	}
	if would := r.others(c); len(would) > 0 {
		return fmt.Errorf("%s takes %s of memory (%s), %s: %s would fit: %w", r.named(c), up(most.total()), most.Graph, r.may(), strings.Join(would, ", or "), errdefs.ErrInvalidArgument)
	}
	least := r.least(c)
	small, err := r.shortest().peak(least)
	if err != nil {
		return err
	}
	return fmt.Errorf("even %s takes %s of memory (%s), %s: give it %s or more: %w", r.named(least), up(small.total()), small.Graph, r.may(), up(small.total()+r.Held), errdefs.ErrInvalidArgument)
}

// Fits says whether a clip fits.
func (r Room) Fits(c ClipSize) bool { return r.Memory <= 0 || r.fits(c) }

func (r Room) named(c ClipSize) string {
	if len(r.Fewer) == 0 {
		return fmt.Sprintf("a clip of %d × %d", c.Width, c.Height)
	}
	return fmt.Sprintf("a clip of %d × %d with %s at once", c.Width, c.Height, framesOf(c.Frames))
}

func framesOf(n int) string {
	if n == 1 {
		return "1 frame"
	}
	return fmt.Sprintf("%d frames", n)
}

// may is how much memory there is. A request of words alone, which holds less than a MiB, is not told apart.
func (r Room) may() string {
	if r.Held >= 1<<20 {
		return fmt.Sprintf("this instance may take %s beside the %s of the request itself", down(r.Memory), up(r.Held))
	}
	return "this instance may take " + down(r.Memory+r.Held)
}

func (s Stage) total() int64 { return s.Weights + s.Activations }

func (r Room) peak(c ClipSize) (Stage, error) {
	all, err := r.Stages(c)
	return Plan{Stages: all}.Peak(), err
}

func (r Room) fits(c ClipSize) bool {
	most, err := r.peak(c)
	return err == nil && most.total() <= r.Memory
}

// others are the nearest clips that fit: fewer frames of the same size, as many of a smaller one, or else a smaller one that is as short
// as can be, or the smallest of all.
func (r Room) others(c ClipSize) (would []string) {
	for _, f := range r.Fewer {
		with := Room{Memory: r.Memory, Stages: f.Stages}
		n, ok := last((c.Frames-1)/r.Step.Frames, func(n int) bool { return with.fits(r.framed(c, n)) })
		if ok && r.framed(c, n).Frames >= f.Least {
			would = append(would, fmt.Sprintf("%s %d", f.Field, r.framed(c, n).Frames))
		}
	}
	if s, ok := r.smaller(c); ok {
		would = append(would, fmt.Sprintf("%d × %d", s.Width, s.Height))
	}
	if len(would) > 0 {
		return would
	}
	short, least := r.shortest(), r.least(c)
	if s, ok := short.smaller(ClipSize{Width: c.Width, Height: c.Height, Frames: least.Frames}); ok {
		least = s
	} else if !short.fits(least) {
		return nil
	}
	if len(r.Fewer) == 0 {
		return []string{fmt.Sprintf("%d × %d", least.Width, least.Height)}
	}
	return []string{fmt.Sprintf("%d × %d with %s", least.Width, least.Height, framesOf(least.Frames))}
}

// shortest counts clips that are as short as can be.
func (r Room) shortest() Room {
	if len(r.Fewer) > 0 {
		r.Stages = r.Fewer[0].Stages
	}
	return r
}

// least is the smallest clip there is.
func (r Room) least(c ClipSize) ClipSize {
	s := ClipSize{Width: max(r.Least.Width, r.Step.Width), Height: max(r.Least.Height, r.Step.Height), Frames: c.Frames}
	if len(r.Fewer) > 0 {
		s = r.framed(s, max(r.Fewer[0].Least-1, 0)/r.Step.Frames)
	}
	return s
}

func (r Room) framed(c ClipSize, steps int) ClipSize {
	c.Frames = steps*r.Step.Frames + 1
	return c
}

// smaller is the largest size of about the same proportions that fits.
func (r Room) smaller(c ClipSize) (ClipSize, bool) {
	const parts = 64
	size := func(n int) ClipSize {
		n++
		s := c
		s.Width = max(c.Width*n/parts/r.Step.Width*r.Step.Width, r.Least.Width, r.Step.Width)
		s.Height = max(c.Height*n/parts/r.Step.Height*r.Step.Height, r.Least.Height, r.Step.Height)
		return s
	}
	n, ok := last(parts-1, func(n int) bool { return r.fits(size(n)) })
	return size(n), ok
}

// last is the greatest n below end for which fits says yes, as it does for all smaller ones.
func last(end int, fits func(n int) bool) (n int, ok bool) {
	low, high := -1, end
	for high-low > 1 {
		if mid := low + (high-low)/2; fits(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return max(low, 0), low >= 0
}

// up and down are such as "1.5 GiB", or "256 MiB" of what is below one, never less and never more than so many bytes.
func up(bytes int64) string   { return size(bytes, math.Ceil) }
func down(bytes int64) string { return size(bytes, math.Floor) }

func size(bytes int64, round func(float64) float64) string {
	if mib := round(float64(bytes) / (1 << 20)); mib < 1<<10 {
		return fmt.Sprintf("%.0f MiB", mib)
	}
	return fmt.Sprintf("%.1f GiB", round(10*float64(bytes)/(1<<30))/10)
}
