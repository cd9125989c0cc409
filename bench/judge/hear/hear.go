// Package hear says whether a clip sounds like its prompt: the dominant pitch, silence, a click where a bounce is seen, louder as
// the shape comes closer. It follows images/demo/training/ears.py.
package hear

import (
	"math"
	"slices"

	"github.com/videosdgx/videosdgx/bench/judge/shapes"
	"github.com/videosdgx/videosdgx/bench/judge/verdict"
)

// Verdict says what of a spec is heard. Of what does not apply, the second value is false: pitch in silence, loudness where
// nothing grows or shrinks.
type Verdict struct {
	Pitch, HasPitch       bool
	Silence               bool
	Onset                 bool
	Loudness, HasLoudness bool
}

const (
	quiet, loud = .01, .02 // root mean square of a silent clip at most, of a sounding one at least
	near        = .13      // seconds between a bounce that is seen and its click: two frames
	step        = shapes.SampleRate / 100
	grows       = 1.6 // the last quarter's loudness over the first's
)

// Judge holds a clip and its sound to what was asked for.
func Judge(c *shapes.Clip, w shapes.Wave, s shapes.Spec) (v Verdict) {
	level, want := levels(w), s.Pitch()
	if want == 0 {
		v.Silence = mean(level) < quiet
	} else {
		v.Silence = mean(level) > loud
		v.HasPitch, v.Pitch = true, v.Silence && nearest(Dominant(w)) == want
		if s.Motion == "growing" || s.Motion == "shrinking" {
			q := len(level) / 4
			ratio := mean(level[len(level)-q:]) / math.Max(mean(level[:q]), 1e-4)
			v.HasLoudness, v.Loudness = true, ratio > grows
			if s.Motion == "shrinking" {
				v.Loudness = ratio < 1/grows
			}
		}
	}
	v.Onset = onsets(c, w, s)
	return v
}

// levels is the root mean square per 10 ms.
func levels(w shapes.Wave) []float64 {
	out := make([]float64, len(w)/step)
	for i := range out {
		for _, x := range w[i*step:][:step] {
			out[i] += x * x
		}
		out[i] = math.Sqrt(out[i] / step)
	}
	return out
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / math.Max(float64(len(v)), 1)
}

// power is that of one frequency bin of a windowed part of a wave, by Goertzel's recurrence.
func power(part []float64, window []float64, bin int) float64 {
	k := 2 * math.Cos(2*math.Pi*float64(bin)/float64(len(part)))
	a, b := 0.0, 0.0
	for i, x := range part {
		a, b = x*window[i]+k*a-b, a
	}
	return a*a + b*b - k*a*b
}

func hann(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = .5 - .5*math.Cos(2*math.Pi*float64(i)/float64(n))
	}
	return w
}

// Dominant is the strongest frequency between 60 Hz and 2 kHz, from the mean spectrum of half-overlapping windows.
func Dominant(w shapes.Wave) float64 {
	const size = 4096
	window, best, at := hann(size), -1.0, 0
	for bin := 60 * size / shapes.SampleRate; bin < 2000*size/shapes.SampleRate; bin++ {
		sum := 0.0
		for i := 0; i+size <= len(w); i += size / 2 {
			sum += power(w[i:i+size], window, bin)
		}
		if sum > best {
			best, at = sum, bin
		}
	}
	return float64(at) * shapes.SampleRate / size
}

// nearest is the pitch that the demo knows and that lies nearest, in octaves.
func nearest(hz float64) (best float64) {
	least := math.Inf(1)
	for _, s := range known {
		if d := math.Abs(math.Log(s / math.Max(hz, 1))); d < least {
			least, best = d, s
		}
	}
	return best
}

var known = func() (all []float64) {
	for shape := range shapes.Pitches {
		all = append(all, shapes.Pitches[shape])
	}
	for _, sound := range []string{"with a high beep", "with a low hum"} {
		all = append(all, shapes.Spec{Sound: sound}.Pitch())
	}
	slices.Sort(all)
	return all
}()

// Clicks are the moments of sharp sounds around shapes.Click, in seconds: where the band's energy per 10 ms stands out.
func Clicks(w shapes.Wave) (at []float64) {
	const size, wide, reach = 512, 700, 8
	window, n := hann(size), (len(w)-size)/step
	e := make([]float64, max(n, 0))
	for i := range e {
		for bin := (shapes.Click - wide) * size / shapes.SampleRate; bin < (shapes.Click+wide)*size/shapes.SampleRate; bin++ {
			e[i] += power(w[i*step:][:size], window, bin)
		}
		e[i] = math.Sqrt(e[i])
	}
	for i, v := range e {
		around := slices.Sorted(slices.Values(e[max(0, i-reach):min(len(e), i+reach+1)]))
		if v > 1 && v == around[len(around)-1] && v > 3*around[len(around)/4] {
			at = append(at, float64(i*step+size/2)/shapes.SampleRate)
		}
	}
	return at
}

// onsets says whether every bounce that is seen is heard and every click seen; nothing else may click.
func onsets(c *shapes.Clip, w shapes.Wave, s shapes.Spec) bool {
	heard := Clicks(w)
	if s.Motion != "bouncing" || s.Silent() {
		return len(heard) == 0
	}
	y := verdict.Heights(c, s.Background)
	if y == nil || len(heard) == 0 {
		return false
	}
	floor, end := slices.Max(y)-.25, float64(len(y))/shapes.FPS
	seen := bounces(y, floor)
	for _, t := range seen {
		if t > .1 && t < end-.15 && far(t, heard) {
			return false
		}
	}
	if y[0] > floor {
		seen = append(seen, 0)
	}
	if y[len(y)-1] > floor {
		seen = append(seen, end)
	}
	return !slices.ContainsFunc(heard, func(t float64) bool { return far(t, seen) })
}

// bounces are the moments when the shape is lowest, away from the ends.
func bounces(y []float64, floor float64) (at []float64) {
	for i := 1; i+1 < len(y); i++ {
		if y[i] >= y[i-1] && y[i] > y[i+1] && y[i] > floor {
			at = append(at, float64(i)/shapes.FPS)
		}
	}
	return at
}

func far(t float64, others []float64) bool {
	return !slices.ContainsFunc(others, func(o float64) bool { return math.Abs(t-o) <= near })
}
