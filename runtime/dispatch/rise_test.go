package dispatch

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// heard invokes a function and gives the phases that it was told of before it had the event.
func (r *rig) heard(name string) (phases []string) {
	res, err := r.Invoke(context.Background(), spec.Invocation{ID: "i", Function: name, Payload: []byte("1"), OnStart: func(s spec.StartStep) { phases = append(phases, s.Phase) }})
	if err != nil {
		r.t.Error(err)
		return phases
	}
	res.Body.Close()
	return phases
}

// TestWhoWaitsHearsHowTheInstanceComesUp: from the image to the event, also who came while it was unpacked; nothing once the
// instance is there.
func TestWhoWaitsHearsHowTheInstanceComesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.box.create = func(c instance.Config) error {
			for n := 1; n <= 2; n++ {
				c.Tell(spec.StartStep{Phase: spec.PhaseUnpack, Step: n, Steps: 2, Done: int64(n), Total: 2})
				time.Sleep(time.Minute)
			}
			return nil
		}
		r.begin()
		r.function("a", func(fn *spec.Function) { fn.Timeout = spec.Duration(time.Hour) })
		var work sync.WaitGroup
		var first, second []string
		work.Go(func() { first = r.heard("a") })
		time.Sleep(90 * time.Second)
		all, err := r.Instances(t.Context())
		if want := (spec.StartStep{Phase: spec.PhaseUnpack, Step: 2, Steps: 2, Done: 2, Total: 2}); err != nil || len(all) != 1 || all[0].Start == nil || *all[0].Start != want {
			t.Errorf("%+v, %v while it is unpacked", all, err)
		}
		work.Go(func() { second = r.heard("a") })
		work.Wait()
		for who, got := range map[string][]string{"the first": first, "the second": second} {
			if got[0] != spec.PhaseUnpack || got[len(got)-1] != spec.PhaseRun {
				t.Errorf("%s heard %v", who, got)
			}
		}
		if n := slices.Index(first, spec.PhaseRun); len(first) < 3 || n != len(first)-1 || first[1] != spec.PhaseUnpack {
			t.Errorf("the first heard %v", first)
		}
		if got := r.heard("a"); len(got) != 0 {
			t.Errorf("of an instance that is there one heard %v", got)
		}
		if all, _ := r.Instances(t.Context()); len(all) != 1 || all[0].Start != nil {
			t.Errorf("%+v once it is there", all)
		}
		r.end()
	})
}

// TestWhoWaitsForMemoryHearsIt: another function's instance is busy.
func TestWhoWaitsForMemoryHearsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(10*gib))
		r.takes(10 * time.Second)
		r.begin()
		r.function("a", memory(6*gib))
		r.function("b", memory(6*gib))
		var work sync.WaitGroup
		work.Go(func() { r.must("a", "1") })
		time.Sleep(time.Second)
		if got := r.heard("b"); len(got) < 2 || got[0] != spec.PhaseRoom || got[len(got)-1] != spec.PhaseRun {
			t.Errorf("heard %v", got)
		}
		work.Wait()
		r.end()
	})
}
