// Package verdict says whether a clip shows its prompt: the colour from the pixels unlike the background, the motion from
// their centre and area, the background from a corner. It follows images/demo/training/judge.py.
package verdict

import (
	"math"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
)

// Verdict says what of a spec a clip shows.
type Verdict struct {
	Color      bool `json:"color"`
	Motion     bool `json:"motion"`
	Background bool `json:"background"`
}

// unlike is how far (sum over the colours) a pixel of the shape lies from the background.
const unlike = .35

// leastArea: where the shape has fewer pixels in some frame of 128 × 128, it is all but invisible and nothing is right;
// leastSmall where frames are smaller.
const leastArea, leastSmall = 20, 8

// corner is the side of the corner that shows the background, in pixels.
const corner = 6

// Judge holds a clip to what was asked for.
func Judge(c *shapes.Clip, s shapes.Spec) Verdict {
	back, ok := shapes.Find(shapes.Backgrounds, s.Background)
	if !ok || c.Frames == 0 {
		return Verdict{}
	}
	tr, least := follow(c, back), float64(leastArea)
	if c.Height < 128 {
		least = leastSmall
	}
	for _, a := range tr.area {
		if a < least {
			return Verdict{}
		}
	}
	return Verdict{Color: nearest(shapes.Colors, tr.color) == s.Color, Motion: tr.moved(s.Motion),
		Background: nearest(shapes.Backgrounds, cornerColor(c)) == s.Background}
}

// Heights are the shape's centre per frame, −1 at the top and 1 at the bottom; nil where it is not there all the time.
func Heights(c *shapes.Clip, background string) []float64 {
	back, ok := shapes.Find(shapes.Backgrounds, background)
	if !ok || c.Frames == 0 {
		return nil
	}
	tr := follow(c, back)
	for _, a := range tr.area {
		if a < leastSmall {
			return nil
		}
	}
	return tr.y
}

// track is the shape through the frames: its area in pixels, its centre in −1…1, and its mean colour over all.
type track struct {
	area, x, y []float64
	color      shapes.RGB
}

func follow(c *shapes.Clip, back shapes.RGB) track {
	tr := track{area: make([]float64, c.Frames), x: make([]float64, c.Frames), y: make([]float64, c.Frames)}
	total := 0.0
	for t := range c.Frames {
		for y := range c.Height {
			shade := shapes.Shade(y, c.Height)
			for x := range c.Width {
				p := c.Pix[c.At(t, y, x):][:3]
				if math.Abs(p[0]-back[0]*shade)+math.Abs(p[1]-back[1]*shade)+math.Abs(p[2]-back[2]*shade) <= unlike {
					continue
				}
				tr.area[t]++
				tr.x[t] += axis(x, c.Width)
				tr.y[t] += axis(y, c.Height)
				for k := range 3 {
					tr.color[k] += p[k]
				}
			}
		}
		total += tr.area[t]
		tr.area[t] += 1e-6
		tr.x[t] /= tr.area[t]
		tr.y[t] /= tr.area[t]
	}
	for k := range 3 {
		tr.color[k] /= math.Max(total, 1)
	}
	return tr
}

func axis(i, n int) float64 { return -1 + 2*float64(i)/float64(n-1) }

func (tr track) moved(motion string) bool {
	last := len(tr.area) - 1
	dx, dy, growth := tr.x[last]-tr.x[0], tr.y[last]-tr.y[0], tr.area[last]/tr.area[0]
	wide, tall := spread(tr.x), spread(tr.y)
	within := func(limit float64) bool { return math.Abs(dx) < limit && math.Abs(dy) < limit }
	switch motion {
	case "moving right":
		return dx > .2 && math.Abs(dy) < .2
	case "moving left":
		return dx < -.2 && math.Abs(dy) < .2
	case "moving up":
		return dy < -.2 && math.Abs(dx) < .2
	case "moving down":
		return dy > .2 && math.Abs(dx) < .2
	case "growing":
		return growth > 1.8
	case "shrinking":
		return growth < .55
	case "standing still":
		return within(.1) && growth > .8 && growth < 1.25
	case "spinning":
		return within(.15) && growth > .7 && growth < 1.4
	case "bouncing":
		return tall > .3 && wide < .25
	case "circling":
		return tall > .25 && wide > .25
	}
	return false
}

func spread(v []float64) float64 {
	lo, hi := v[0], v[0]
	for _, x := range v {
		lo, hi = math.Min(lo, x), math.Max(hi, x)
	}
	return hi - lo
}

func cornerColor(c *shapes.Clip) (mean shapes.RGB) {
	n := 0.0
	for t := range c.Frames {
		for y := range min(corner, c.Height) {
			for x := range min(corner, c.Width) {
				for k := range 3 {
					mean[k] += c.Pix[c.At(t, y, x)+k]
				}
				n++
			}
		}
	}
	for k := range mean {
		mean[k] /= n
	}
	return mean
}

func nearest(table []shapes.Named, c shapes.RGB) string {
	best, name := math.Inf(1), ""
	for _, n := range table {
		d := 0.0
		for k := range 3 {
			d += (n.RGB[k] - c[k]) * (n.RGB[k] - c[k])
		}
		if d < best {
			best, name = d, n.Name
		}
	}
	return name
}
