package cli

import (
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// TestOverall: one number for the whole job, which never goes back, and what is left at the pace so far.
func TestOverall(t *testing.T) {
	var o overall
	now := time.Unix(0, 0)
	last := -1.0
	for _, p := range []client.Progress{{Phase: "encode"}, {Phase: "denoise", Step: 1, Steps: 20}, {Phase: "denoise", Step: 10, Steps: 20}, {Phase: "something else", Step: 1, Steps: 2},
		{Phase: "denoise", Step: 20, Steps: 20}, {Phase: "decode", Step: 1, Steps: 4}, {Phase: "encode", Step: 1, Steps: 1}, {Phase: "mux", Step: 1, Steps: 1}} {
		o.at(p, now)
		if o.done < last {
			t.Errorf("%+v: back from %v to %v", p, last, o.done)
		}
		last, now = o.done, now.Add(time.Second)
	}
	if last < 0.999 || o.left(now) != 0 {
		t.Errorf("ends at %v with %v left", last, o.left(now))
	}
	o = overall{}
	for i, phase := range []string{"denoise", "denoise", "denoise", "decode", "denoise", "denoise", "denoise", "decode", "denoise", "denoise"} {
		step := []int{1, 2, 3, 3, 4, 5, 6, 6, 7, 8}[i]
		o.at(client.Progress{Phase: phase, Step: step, Steps: 20}, time.Unix(int64(step-1), 0))
		o.at(client.Progress{}, time.Unix(int64(step-1), 0)) // another kind of event
	}
	if o.done != 0.4 || o.left(time.Unix(8, 0)) != 12*time.Second {
		t.Errorf("8 of 20 steps in 8 s that are counted through the phases: %v, %v left", o.done, o.left(time.Unix(8, 0)))
	}
	o.at(client.Progress{Phase: "mux", Step: 1, Steps: 1}, time.Unix(20, 0))
	if o.done < 0.999 {
		t.Errorf("ends at %v", o.done)
	}
	o = overall{}
	o.at(client.Progress{Phase: "encode"}, time.Unix(0, 0))
	o.at(client.Progress{Phase: "denoise", Step: 1, Steps: 2}, time.Unix(40, 0))
	if got := o.left(time.Unix(40, 0)).Round(time.Second); got != 60*time.Second {
		t.Errorf("40 s for 0.40 of it, and %v left", got)
	}
}
