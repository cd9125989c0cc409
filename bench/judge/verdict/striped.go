package verdict

import (
	"math"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
)

// moreDown: columns through a striped shape change between it and the background that many times as often as its rows do.
const moreDown = 1.35

// Striped says whether a clip's shape has level bands through which the background shows, in most frames. It follows
// images/demo/training/stripes.py.
func Striped(c *shapes.Clip, background string) bool {
	back, ok := shapes.Find(shapes.Backgrounds, background)
	if !ok || c.Frames == 0 {
		return false
	}
	striped := 0
	for t := range c.Frames {
		if down, across := changes(mask(c, back, t)); down/(across+1e-6) > moreDown {
			striped++
		}
	}
	return 2*striped > c.Frames
}

// mask is where a frame is unlike the background.
func mask(c *shapes.Clip, back shapes.RGB, t int) [][]bool {
	m := make([][]bool, c.Height)
	for y := range m {
		m[y] = make([]bool, c.Width)
		shade := shapes.Shade(y, c.Height)
		for x := range m[y] {
			p := c.Pix[c.At(t, y, x):][:3]
			m[y][x] = math.Abs(p[0]-back[0]*shade)+math.Abs(p[1]-back[1]*shade)+math.Abs(p[2]-back[2]*shade) > unlike
		}
	}
	return m
}

// changes are the mean numbers of changes along the columns and the rows that hold anything.
func changes(m [][]bool) (down, across float64) {
	columns, rows := make([]bool, len(m[0])), 0.0
	for y, row := range m {
		any := false
		for x, in := range row {
			columns[x], any = columns[x] || in, any || in
			if x > 0 && in != row[x-1] {
				across++
			}
			if y > 0 && in != m[y-1][x] {
				down++
			}
		}
		if any {
			rows++
		}
	}
	held := 0.0
	for _, in := range columns {
		if in {
			held++
		}
	}
	return down / (held + 1e-6), across / (rows + 1e-6)
}
