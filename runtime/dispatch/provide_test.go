package dispatch

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMinInstancesAreKeptAlsoAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		failed := false
		r.box.create = func(instance.Config) error {
			if !failed {
				failed = true
				return errors.New("containerd is just starting again")
			}
			return nil
		}
		r.function("f", func(fn *spec.Function) { fn.MinInstances = 1 })
		for range 3 {
			time.Sleep(2 * leastBackoff)
			synctest.Wait()
			if r.box.count() != 1 {
				t.Fatalf("%d instances, want minInstances", r.box.count())
			}
			time.Sleep(2 * mostBackoff)
			r.box.any("f").kill(1)
		}
		r.end()
	})
}

// A function that is called every 40 minutes, and dear to hold: it is given up at once and started again before the next
// call.
func TestLikelyEventFindsAWarmInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) {
			c.Terms = placement.Terms{Fixed: time.Minute, Least: time.Minute, Most: time.Hour, MinSamples: 10, Worth: 1000}
		})
		r.begin()
		r.box.usage = func(*box) instance.Usage { return instance.Usage{Anon: 6 * gib} }
		r.box.ready = func(*box) *wire.FailHead { time.Sleep(10 * time.Second); return nil }
		r.function("f", func(fn *spec.Function) { fn.KeepAlive = 0 })
		for range 12 {
			r.must("f", "1")
			time.Sleep(40 * time.Minute)
		}
		if p := r.must("f", "1").Phases; p.Cold {
			t.Errorf("the event was expected, and cold: %+v", p)
		}
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if n := r.box.count(); n != 0 {
			t.Errorf("%d instances long before the next event", n)
		}
		time.Sleep(40 * time.Minute)
		synctest.Wait()
		if n := r.box.count(); n != 0 {
			t.Errorf("%d instances after the expected event has not come", n)
		}
		r.end()
	})
}

func TestLessConcurrencyTakesInstancesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		release := make(chan struct{})
		r.box.handle = func(_ *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) { <-release; return e, nil }
		most := func(n int) func(*spec.Function) { return func(fn *spec.Function) { fn.Concurrency = n } }
		r.function("f", most(4))
		var work sync.WaitGroup
		for range 4 {
			work.Go(func() { r.must("f", "1") })
		}
		synctest.Wait()
		r.function("f", most(3)) // all are busy
		close(release)
		work.Wait()
		synctest.Wait()
		if n := r.box.count(); n != 3 {
			t.Errorf("%d instances after a change to 3 while busy", n)
		}
		r.function("f", most(1))
		synctest.Wait()
		if n := r.box.count(); n != 1 {
			t.Errorf("%d instances after a change to 1 while idle", n)
		}
		if r.must("f", "1").Phases.Cold {
			t.Error("the one that stays does not serve")
		}
		r.end()
	})
}
