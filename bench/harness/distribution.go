package harness

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Distribution is a histogram cut down to what a plot needs.
type Distribution struct {
	N      int64        `json:"n"`
	Points [][2]float64 `json:"points"` // percent, milliseconds
}

// Phase is one part of an answer's time.
type Phase struct {
	Name string  `json:"name"`
	Ms   float64 `json:"ms"`
}

// Point is a value at a time.
type Point struct {
	Seconds float64 `json:"s"`
	Value   float64 `json:"v"`
}

// distribution takes the quantiles ever closer towards the end, where latencies are interesting.
func (s *Samples) distribution() Distribution {
	d := Distribution{N: s.N()}
	for _, p := range []float64{0, 1, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92, 94, 95, 96, 97, 98, 99, 99.5, 99.9, 99.95, 99.99, 100} {
		d.Points = append(d.Points, [2]float64{p, s.Ms(p)})
	}
	return d
}

// Timing collects the Server-Timing of many answers.
type Timing struct {
	Last string // the latest header

	order []string
	ms    map[string][]float64
}

// Add takes one answer's header.
func (t *Timing) Add(header string) {
	t.Last = header
	if t.ms == nil {
		t.ms = map[string][]float64{}
	}
	for part := range strings.SplitSeq(header, ",") {
		name, rest, _ := strings.Cut(strings.TrimSpace(part), ";")
		for attr := range strings.SplitSeq(rest, ";") {
			v, ok := strings.CutPrefix(strings.TrimSpace(attr), "dur=")
			ms, err := strconv.ParseFloat(v, 64)
			if !ok || err != nil {
				continue
			}
			if _, known := t.ms[name]; !known {
				t.order = append(t.order, name)
			}
			t.ms[name] = append(t.ms[name], ms)
		}
	}
}

// Phases gives the median of every phase, in the order of the header.
func (t *Timing) Phases() []Phase {
	out := make([]Phase, 0, len(t.order))
	for _, name := range t.order {
		out = append(out, Phase{name, Median(t.ms[name])})
	}
	return out
}

// Median of an even number of values is the mean of the two in the middle; of none it is 0.
func Median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	if len(v) == 0 {
		return 0
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// Watch samples a value every so often until the function it gives is called, which returns what it saw.
func Watch(every time.Duration, value func() (float64, bool)) (stop func() []Point) {
	end, seen, start := make(chan struct{}), make(chan []Point), time.Now()
	go func() {
		var points []Point
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			if v, ok := value(); ok {
				points = append(points, Point{time.Since(start).Seconds(), v})
			}
			select {
			case <-tick.C:
			case <-end:
				seen <- points
				return
			}
		}
	}()
	return func() []Point { close(end); return <-seen }
}
