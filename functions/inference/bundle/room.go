package bundle

import (
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
)

// Room is the memory of an instance, and what clips take of it.
type Room struct {
	// Memory is what a stage may take, in bytes; 0: no limit is known, and everything fits.
	Memory int64
	// Stages are those of a clip, of which every one must fit by itself.
	Stages func(c ClipSize) ([]Stage, error)
	// Step is what width and height are multiples of, and frames less one.
	Step ClipSize
	// Least is the smallest clip that may be offered; what it leaves at zero is a step, and one frame.
	Least ClipSize
	// Fewer are the ways to have fewer frames at once.
	Fewer []Fewer
}

// Fewer is a field of a request by which it has fewer frames at once, and what it takes then.
type Fewer struct {
	Field  string
	Stages func(c ClipSize) ([]Stage, error)
}

// Check refuses a clip that would not fit, in a sentence that says which ones would.
func (r Room) Check(c ClipSize) error {
	if r.Memory <= 0 {
		return nil
	}
	most, err := r.peak(c)
	if err != nil || most.total() <= r.Memory {
		return err
	}
	would := r.others(c)
	if len(would) == 0 {
		return fmt.Errorf("%s takes %s of memory for a clip of any size, this instance may take %s: give it more: %w", most.Graph, gib(most.total()), gib(r.Memory), errdefs.ErrInvalidArgument)
	}
	return fmt.Errorf("a clip of %d × %d with %d frames at once takes %s of memory (%s), this instance may take %s: %s would fit: %w",
		c.Width, c.Height, c.Frames, gib(most.total()), most.Graph, gib(r.Memory), strings.Join(would, ", or "), errdefs.ErrInvalidArgument)
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

// others are the nearest clips that fit: fewer frames of the same size, as many of a smaller one, or else one of a smaller one.
func (r Room) others(c ClipSize) (would []string) {
	for _, f := range r.Fewer {
		with := Room{Memory: r.Memory, Stages: f.Stages}
		n, ok := last((c.Frames-1)/r.Step.Frames, func(n int) bool { return with.fits(r.framed(c, n)) })
		if ok && r.framed(c, n).Frames >= r.Least.Frames {
			would = append(would, fmt.Sprintf("%s %d", f.Field, r.framed(c, n).Frames))
		}
	}
	if s, ok := r.smaller(c); ok {
		would = append(would, fmt.Sprintf("%d × %d", s.Width, s.Height))
	}
	if least := r.framed(c, max(r.Least.Frames-1, 0)/r.Step.Frames); len(would) == 0 && len(r.Fewer) > 0 {
		if s, ok := r.smaller(least); ok && s.Frames == 1 {
			would = append(would, fmt.Sprintf("%d × %d with 1 frame", s.Width, s.Height))
		} else if ok {
			would = append(would, fmt.Sprintf("%d × %d with %d frames", s.Width, s.Height, s.Frames))
		}
	}
	return would
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

// gib is such as "1.5 GiB", or "256 MiB" of what is below one.
func gib(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}
