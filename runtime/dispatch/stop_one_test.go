package dispatch

import (
	"testing"
	"testing/synctest"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestStopInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f", func(fn *spec.Function) { fn.StagedSpares = 1 })
		synctest.Wait()
		r.must("f", "1")
		synctest.Wait()
		all, err := r.Instances(t.Context())
		if err != nil || len(all) != 2 {
			t.Fatalf("%v, %v", all, err)
		}
		for _, i := range all { // the one that served, and the staged spare
			if err := r.StopInstance(t.Context(), i.ID); err != nil {
				t.Error(err)
			}
			if err := r.StopInstance(t.Context(), i.ID); !errdefs.IsNotFound(err) {
				t.Errorf("a second stop: %v", err)
			}
		}
		if !r.must("f", "2").Phases.Cold {
			t.Error("answered by an instance that was stopped")
		}
		r.end()
	})
}
