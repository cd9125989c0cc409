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
	o.at(client.Progress{Phase: "encode"}, time.Unix(0, 0))
	o.at(client.Progress{Phase: "denoise", Step: 1, Steps: 2}, time.Unix(40, 0))
	if got := o.left(time.Unix(40, 0)).Round(time.Second); got != 60*time.Second {
		t.Errorf("40 s for 0.40 of it, and %v left", got)
	}
}
