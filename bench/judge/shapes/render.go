package shapes

import (
	"math"
	"math/rand/v2"
)

// Clip is a video, each value 0…1, in the order frame, row, column, colour.
type Clip struct {
	Frames, Height, Width int
	Pix                   []float64
}

// At is the index of a pixel's red part in Pix.
func (c *Clip) At(t, y, x int) int { return ((t*c.Height+y)*c.Width + x) * 3 }

// Shade is how bright a background is in row y: it fades towards the bottom.
func Shade(y, height int) float64 { return 1 - .18*float64(y)/float64(height-1) }

var (
	radii  = map[string]float64{"small": .17, "": .27, "big": .40}
	speeds = map[string]float64{"slowly": .5, "": .9, "quickly": 1.35}
)

// scene is a spec with everything that was left to chance. Lengths are in halves of the picture.
type scene struct {
	s                      Spec
	radius, speed          float64
	x, y, hop, phase, tilt float64
	room                   float64 // how far the centre may lie from the middle
	color, back            RGB
}

func newScene(s Spec, r *rand.Rand) scene {
	between := func(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }
	c := scene{s: s, radius: radii[s.Size] * between(.92, 1.08), speed: speeds[s.Speed], x: between(-.35, .35), y: between(-.35, .35),
		hop: r.Float64(), phase: r.Float64(), tilt: between(-.15, .15)}
	c.room = math.Max(1-c.radius*1.15, .05)
	c.color, _ = Find(Colors, s.Color)
	c.back, _ = Find(Backgrounds, s.Background)
	return c
}

// pose is where the shape is at time t (0…1), how it is turned, and its scale.
func (c scene) pose(t float64) (x, y, angle, scale float64) {
	x, y, angle, scale = c.x, c.y, c.tilt, 1
	limit := func(v float64) float64 { return math.Max(-c.room, math.Min(c.room, v)) }
	shift := c.speed * (t - .5)
	switch c.s.Motion {
	case "moving right":
		x = limit(x + shift)
	case "moving left":
		x = limit(x - shift)
	case "moving up":
		y = limit(y - shift)
	case "moving down":
		y = limit(y + shift)
	case "bouncing":
		hop := math.Abs(math.Sin(math.Pi * (c.speed*2.2*t + c.hop)))
		y = c.room - hop*math.Max(2*c.room-.1, .1)*.8
	case "circling":
		phase, orbit := 2*math.Pi*(c.speed*1.1*t+c.phase), math.Min(c.room, .5)
		x, y = orbit*math.Cos(phase), orbit*math.Sin(phase)
	case "spinning":
		angle += 2 * math.Pi * c.speed * .8 * t
	case "growing":
		scale = .45 + t
	case "shrinking":
		scale = 1.45 - t
	}
	return x, y, angle, scale
}

// distance is the signed distance of the shape's edge at (u, v), negative inside.
func distance(shape string, u, v, r float64) float64 {
	d := math.Sqrt(u*u + v*v + 1e-8)
	switch shape {
	case "square":
		return math.Max(math.Abs(u), math.Abs(v)) - r*.86
	case "triangle":
		return max(v-r*.6, u*.866-v*.5-r*.6, -u*.866-v*.5-r*.6)
	case "star":
		turn := math.Atan2(u, -v) / (2 * math.Pi) * 5
		valley := 1 - math.Abs(turn-math.Floor(turn)-.5)*2 // 1 in a valley, 0 at a tip
		return d - r*1.1*(1-.55*valley)
	case "ring":
		return math.Abs(d-r*.74) - r*.26
	}
	return d - r // circle
}

// Render draws the clip that the spec asks for; what it leaves open comes from r.
func Render(s Spec, r *rand.Rand, frames, side int) *Clip {
	return newScene(s, r).film(frames, side)
}

func (c scene) film(frames, side int) *Clip {
	clip := &Clip{Frames: frames, Height: side, Width: side, Pix: make([]float64, frames*side*side*3)}
	axis := func(i int) float64 { return -1 + 2*float64(i)/float64(side-1) }
	for t := range frames {
		cx, cy, angle, scale := c.pose(float64(t) / float64(frames-1))
		sin, cos := math.Sincos(angle)
		for py := range side {
			for px := range side {
				dx, dy := axis(px)-cx, axis(py)-cy
				d := distance(c.s.Shape, dx*cos+dy*sin, -dx*sin+dy*cos, c.radius*scale)
				alpha := math.Max(0, math.Min(1, .5-d*float64(side)/2*.8))
				i := clip.At(t, py, px)
				for k := range 3 {
					clip.Pix[i+k] = math.Min(1, c.back[k]*Shade(py, side)*(1-alpha)+c.color[k]*alpha)
				}
			}
		}
	}
	return clip
}
