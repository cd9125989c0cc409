package plot

import (
	"fmt"
	"math"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// Latency shows distributions by percentile, stretched towards the slow end, in milliseconds on a logarithmic scale.
type Latency struct {
	Title string
	Of    []Named // percent, ms
}

func (l Latency) size() (float64, float64) { return 860, max(320, 90+18*float64(len(l.Of))) }

// nines stretches percents so that each further nine takes the same room; 100 is drawn as the fifth.
func nines(percent float64) float64 { return -math.Log10(max(1-percent/100, 1e-4)) }

func (l Latency) draw(c canvas) {
	_, height := l.size()
	low, high := span(l.Of, 1)
	f := frame{70, 50, 520, height - 90, axis{low: 0, high: 4}, axis{max(low, 1e-3) / 1.2, max(high, 2e-3) * 1.2, true}}
	c.text(20, 22, 14, start, l.Title)
	f.grid(c, "ms", map[float64]string{0: "0", nines(50): "p50", 1: "p90", 2: "p99", 3: "p99.9", 4: "max"})
	bent := make([]Named, len(l.Of))
	for i, n := range l.Of {
		bent[i].Name = n.Name
		for _, p := range n.Points {
			bent[i].Points = append(bent[i].Points, [2]float64{nines(p[0]), max(p[1], 1e-3)})
		}
	}
	f.curves(c, bent)
}

// Waterfall shows where the time of a cold start goes, phase after phase.
type Waterfall struct {
	Title string
	Names []string
	Of    [][]harness.Phase
}

func (w Waterfall) size() (float64, float64) {
	rows := 0
	for _, p := range w.Of {
		rows += len(p) + 1
	}
	return 860, 60 + 20*float64(rows)
}

func (w Waterfall) draw(c canvas) {
	c.text(20, 22, 14, start, w.Title)
	longest := 1e-3
	for _, phases := range w.Of {
		longest = max(longest, length(phases))
	}
	y := 48.0
	for i, phases := range w.Of {
		c.text(20, y+4, 12, start, w.Names[i])
		y += 20
		at := 0.0
		for j, p := range phases {
			begin := at
			if p.Name == "total" {
				begin = 0
			} else {
				at += p.Ms
			}
			c.text(150, y+4, 11, end, p.Name)
			c.rect(160+begin/longest*540, y-7, max(p.Ms/longest*540, 1), 13, colour(j))
			c.text(168+(begin+p.Ms)/longest*540, y+4, 11, start, fmt.Sprintf("%.3g ms", p.Ms))
			y += 20
		}
	}
}

// length is where a waterfall ends: its total, or the sum of its phases if that is more.
func length(phases []harness.Phase) float64 {
	sum, total := 0.0, 0.0
	for _, p := range phases {
		if p.Name == "total" {
			total = p.Ms
		} else {
			sum += p.Ms
		}
	}
	return max(sum, total)
}

// Timeline shows values over seconds.
type Timeline struct {
	Title, Unit string
	Of          []Named // s, value
}

func (t Timeline) size() (float64, float64) { return 860, 300 }

func (t Timeline) draw(c canvas) {
	c.text(20, 22, 14, start, t.Title)
	_, seconds := span(t.Of, 0)
	_, high := span(t.Of, 1)
	f := frame{70, 50, 520, 200, axis{low: 0, high: max(seconds, 1e-3)}, axis{low: 0, high: max(high, 1e-3) * 1.1}}
	labels := map[float64]string{}
	for _, v := range f.x.ticks() {
		labels[v] = fmt.Sprintf("%.4g s", v)
	}
	f.grid(c, t.Unit, labels)
	f.curves(c, t.Of)
}
