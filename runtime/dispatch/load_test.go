package dispatch

import (
	"testing"
	"testing/synctest"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestLoadStartsOneInstanceForEventsToCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f", func(*spec.Function) {})
		for range 3 {
			if err := r.Load(t.Context(), "f", ""); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		all, err := r.Instances(t.Context())
		if err != nil || len(all) != 1 || all[0].State != spec.Idle {
			t.Fatalf("%v, %v", all, err)
		}
		if r.must("f", "1").Phases.Cold {
			t.Error("the event did not find the loaded instance")
		}
		if err := r.Load(t.Context(), "nobody", ""); !errdefs.IsNotFound(err) {
			t.Errorf("an unknown function: %v", err)
		}
		r.end()
	})
}
