package verdict

import (
	"testing"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
)

// Cutting level bands out of a shape makes it striped; upright ones and none do not.
func TestStripesAreTold(t *testing.T) {
	r, told, n := shapes.Rand(5), 0, 20
	for range n {
		s := shapes.Draw(r)
		s.Size = "big"
		plain := shapes.Render(s, r, 5, 96)
		if Striped(plain, s.Background) {
			t.Errorf("%+v is plain", s)
		}
		if Striped(banded(plain, s, func(x, _ int) bool { return x/4%2 == 0 }), s.Background) {
			t.Errorf("%+v has upright bands", s)
		}
		if Striped(banded(plain, s, func(_, y int) bool { return y/4%2 == 0 }), s.Background) {
			told++
		}
	}
	if told < n-2 {
		t.Errorf("%d of %d striped ones are told", told, n)
	}
}

// banded is the clip with the background wherever hole says.
func banded(c *shapes.Clip, s shapes.Spec, hole func(x, y int) bool) *shapes.Clip {
	out := *c
	out.Pix = append([]float64(nil), c.Pix...)
	back, _ := shapes.Find(shapes.Backgrounds, s.Background)
	for t := range c.Frames {
		for y := range c.Height {
			for x := range c.Width {
				for k := range 3 {
					if hole(x, y) {
						out.Pix[c.At(t, y, x)+k] = back[k] * shapes.Shade(y, c.Height)
					}
				}
			}
		}
	}
	return &out
}
