package handler

import (
	"math"
	"time"
)

// stopwatch adds up how long each phase took. One goroutine uses it.
type stopwatch struct {
	start, since time.Time
	phase        string
	sum          map[string]float64 // seconds
}

func newStopwatch(start time.Time) *stopwatch {
	return &stopwatch{start: start, since: start, phase: "prepare", sum: map[string]float64{}}
}

// at says that phase is what is being done from now on.
func (w *stopwatch) at(phase string) {
	if phase == w.phase || phase == "" {
		return
	}
	now := time.Now()
	w.sum[w.phase] += now.Sub(w.since).Seconds()
	w.phase, w.since = phase, now
}

// stop gives the seconds of each phase, and "total".
func (w *stopwatch) stop() map[string]float64 {
	w.at("total")
	w.sum["total"] = time.Since(w.start).Seconds()
	for k, v := range w.sum {
		w.sum[k] = rounded(v)
	}
	return w.sum
}

// rounded keeps seconds readable in answers.
func rounded(seconds float64) float64 { return math.Round(seconds*1e4) / 1e4 }
