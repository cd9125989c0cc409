package main

import (
	"context"
	"fmt"
	"os"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/judge/shapes"
	"github.com/videosdgx/videosdgx/functions/handler"
)

// continued is a length of clips that are made in passes.
type continued struct{ frames, window int }

// lengths are those that -what long looks at: a clip of the demo's own length in passes of half of it, and one of four times that.
func lengths() []continued { return []continued{{33, 17}, {129, 33}} }

// overlap is how many frames a pass takes over, as functions/wan has it: a quarter, in steps of four plus one.
func (c continued) overlap() int { return max((c.window-1)/4/4, 1)*4 + 1 }

// stretches are the pairs of neighbouring frames, each by its second frame, in stretches of one length: those in which a pass fades
// into the next, and as many as fit between them.
func (c continued) stretches() (seams, inside [][2]int) {
	fade, from := c.overlap()+1, 1
	for end := c.window; ; end += c.window - c.overlap() {
		to := min(end-fade, c.frames-1) // the last pair before the fade, or of the clip
		if end >= c.frames {
			to = c.frames - 1
		}
		for ; from+fade-1 <= to; from += fade {
			inside = append(inside, [2]int{from, from + fade - 1})
		}
		if end >= c.frames {
			return seams, inside
		}
		seams = append(seams, [2]int{end - fade + 1, end})
		from = end + 1
	}
}

// long looks at continued clips: where one pass fades into the next, and everywhere else. Of each stretch of frames as long as a
// fade the pair of neighbours counts that is furthest apart.
func (o options) long(ctx context.Context, r *harness.Report, m handler.Model) error {
	r.Figure("clips", float64(o.n))
	for _, c := range lengths() {
		if err := o.seams(ctx, r, m, c); err != nil {
			return fmt.Errorf("%d frames: %w", c.frames, err)
		}
	}
	return nil
}

func (o options) seams(ctx context.Context, r *harness.Report, m handler.Model, l continued) error {
	random := shapes.Rand(o.seed)
	across, within := l.stretches()
	var seams, inside []float64
	for i := range o.n {
		_, text := draw(random)
		c, err := o.generate(ctx, m, text, int64(o.seed<<20+uint64(i)), l.frames, map[string]any{"window": float64(l.window)})
		if err != nil {
			return err
		}
		if len(c.frames) != l.frames {
			return fmt.Errorf("the clip has %d", len(c.frames))
		}
		seams, inside = append(seams, c.worst(across)...), append(inside, c.worst(within)...)
		fmt.Fprintf(os.Stderr, "%3d frames, %3d/%d %.0f s  seams %.1f dB, inside %.1f dB  %s\n", l.frames, i+1, o.n, c.seconds, median(seams), median(inside), text)
	}
	at := func(name string) string { return fmt.Sprintf("seam_%d_%s", l.frames, name) }
	r.Figure(at("across_db"), median(seams))
	r.Figure(at("inside_db"), median(inside))
	r.Figure(at("below_inside_db"), median(inside)-median(seams))
	r.Want(at("below_inside_db"), "≤ 2")
	return nil
}

// worst is the PSNR of the pair that is furthest apart, for each stretch.
func (m made) worst(stretches [][2]int) (all []float64) {
	for _, s := range stretches {
		least := float64(mostPSNR)
		for k := s[0]; k <= s[1]; k++ {
			least = min(least, clipPSNR(m.frames[k:k+1], m.frames[k-1:k]))
		}
		all = append(all, least)
	}
	return all
}
