package plot

import (
	"fmt"
	"math"
)

// Chart is one drawing.
type Chart interface {
	size() (width, height float64)
	draw(c canvas)
}

// Named is a curve and its name.
type Named struct {
	Name   string
	Points [][2]float64
}

// frame are a chart's axes: a rectangle on the canvas, and how values become positions in it.
type frame struct {
	left, top, width, height float64
	x, y                     axis
}

// axis runs from low to high, by logarithm if log is set.
type axis struct {
	low, high float64
	log       bool
}

func (a axis) at(v float64) float64 {
	if a.log {
		return (math.Log(v) - math.Log(a.low)) / (math.Log(a.high) - math.Log(a.low))
	}
	return (v - a.low) / (a.high - a.low)
}

func (f frame) point(p [2]float64) [2]float64 {
	return [2]float64{f.left + f.x.at(p[0])*f.width, f.top + (1-f.y.at(p[1]))*f.height}
}

// ticks are round values: powers of ten and their halves or fifths on a logarithmic axis, quarters of a linear one.
func (a axis) ticks() (out []float64) {
	if !a.log {
		step := nice((a.high - a.low) / 4)
		for v := math.Ceil(a.low/step) * step; v <= a.high+step/1e6; v += step {
			out = append(out, v)
		}
		return out
	}
	for p := math.Pow(10, math.Floor(math.Log10(a.low))); p <= a.high; p *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if v := p * m; v >= a.low && v <= a.high {
				out = append(out, v)
			}
		}
	}
	return out
}

// nice rounds a step up to 1, 2 or 5 times a power of ten.
func nice(step float64) float64 {
	if step <= 0 {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(step)))
	for _, m := range []float64{1, 2, 5} {
		if step <= p*m {
			return p * m
		}
	}
	return p * 10
}

// grid draws horizontal lines with their values and the vertical ones that labels name.
func (f frame) grid(c canvas, unit string, labels map[float64]string) {
	for _, v := range f.y.ticks() {
		at := f.point([2]float64{f.x.low, v})
		c.line([][2]float64{at, {f.left + f.width, at[1]}}, 1, faint)
		c.text(f.left-6, at[1]+4, 11, end, fmt.Sprintf("%.4g", v))
	}
	for v, label := range labels {
		at := f.point([2]float64{v, f.y.low})
		c.line([][2]float64{{at[0], f.top}, at}, 1, faint)
		c.text(at[0], at[1]+16, 11, middle, label)
	}
	c.text(f.left-6, f.top-8, 11, end, unit)
}

// curves draws them with a legend to the right.
func (f frame) curves(c canvas, all []Named) {
	for i, n := range all {
		line := make([][2]float64, 0, len(n.Points))
		for _, p := range n.Points {
			line = append(line, f.point(p))
		}
		c.line(line, 2, colour(i))
		y := f.top + 10 + 18*float64(i)
		c.rect(f.left+f.width+14, y-8, 14, 4, colour(i))
		c.text(f.left+f.width+34, y, 11, start, n.Name)
	}
}

// span is the least and the greatest of the curves' values on one axis.
func span(all []Named, coordinate int) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, n := range all {
		for _, p := range n.Points {
			low, high = min(low, p[coordinate]), max(high, p[coordinate])
		}
	}
	return low, high
}
