package verdict

import "math"

// Score is how many of some clips show what was asked for.
type Score struct{ Color, Motion, Background int }

// Add counts one clip.
func (s *Score) Add(v Verdict) {
	for _, k := range []struct {
		ok  bool
		sum *int
	}{{v.Color, &s.Color}, {v.Motion, &s.Motion}, {v.Background, &s.Background}} {
		if k.ok {
			*k.sum++
		}
	}
}

// Shares are the counts of n clips as shares, by the names of their figures.
func (s Score) Shares(n int) map[string]float64 {
	return map[string]float64{"color": float64(s.Color) / float64(n), "motion": float64(s.Motion) / float64(n), "background": float64(s.Background) / float64(n)}
}

// Off is the greatest difference of shares of n clips.
func (s Score) Off(want Score, n int) float64 {
	d := func(a, b int) float64 { return math.Abs(float64(a-b)) / float64(n) }
	return max(d(s.Color, want.Color), d(s.Motion, want.Motion), d(s.Background, want.Background))
}
