package jobs

import (
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestPaceMeasuresEachPhase(t *testing.T) {
	var p pace
	at := time.Unix(1000, 0)
	want := func(after time.Duration, left time.Duration, known bool) {
		t.Helper()
		if got, _, ok := p.left(at.Add(after)); got != left || ok != known {
			t.Errorf("%s, %v; want %s, %v", got, ok, left, known)
		}
	}
	tell := func(phase string, step, steps int, after time.Duration) {
		at = at.Add(after)
		p.step(spec.Progress{Phase: phase, Step: step, Steps: steps}, at)
	}
	want(0, 0, false)
	tell("denoise", 1, 50, time.Minute) // the start took long, steps do not
	want(0, 0, false)
	tell("denoise", 2, 50, 2*time.Second)
	want(0, 96*time.Second, true)
	want(time.Second, 95*time.Second, true)
	want(time.Hour, 0, true)
	tell("denoise", 5, 50, 3*time.Second) // (2+3) s for 4 steps
	want(0, 45*1250*time.Millisecond, true)
	if _, share, _ := p.left(at); share != 0.1 {
		t.Errorf("%g of the phase is done", share)
	}
	tell("decode", 1, 3, time.Second)
	want(0, 0, false)
	tell("decode", 2, 3, time.Second)
	want(0, time.Second, true)
	tell("decode", 1, 3, time.Second) // another attempt, or a second clip
	want(0, 0, false)
	for i, phase := range []string{"denoise", "denoise", "decode", "denoise", "denoise", "decode"} { // counted through the phases
		tell(phase, []int{2, 3, 3, 4, 5, 5}[i], 10, time.Second)
	}
	want(0, 5*(5*time.Second/3), true)
	tell("mux", 1, 0, time.Second)
	tell("mux", 2, 0, time.Second) // of how many is not known: what was expected stays
	want(0, 5*(5*time.Second/3)-2*time.Second, true)
}

// A clip in chunks is decoded between its steps: the time of both counts for each step.
func TestPaceOverTurns(t *testing.T) {
	var p pace
	at := time.Unix(1000, 0)
	for i, phase := range []string{"denoise", "denoise", "decode", "denoise", "denoise", "decode", "denoise"} {
		p.step(spec.Progress{Phase: phase, Step: []int{0, 4, 4, 8, 12, 12, 16}[i], Steps: 40}, at)
		at = at.Add(2 * time.Second)
	}
	if got, share, ok := p.left(at.Add(-2 * time.Second)); got != 18*time.Second || share != 0.4 || !ok { // 16 of 40 in 12 s
		t.Errorf("%s, %g, %v", got, share, ok)
	}
	p.step(spec.Progress{Phase: "denoise", Step: 40, Steps: 40}, at)
	p.step(spec.Progress{Phase: "mux"}, at.Add(time.Second))
	if got, share, ok := p.left(at.Add(time.Second)); got != 0 || share != 1 || !ok { // what has no steps is no reason to know less
		t.Errorf("at its end %s, %g, %v", got, share, ok)
	}
}
