package dispatch

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestAVersionDoesNotEvictItself: where there is room for two of the ten instances that a function may have, a queue is
// served by two, and none of them is stopped to start another in its place.
func TestAVersionDoesNotEvictItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(13*gib))
		r.begin()
		r.box.usage = func(*box) instance.Usage { return instance.Usage{Anon: 5 * gib} }
		r.takes(100 * time.Millisecond)
		r.function("a", memory(6*gib), func(fn *spec.Function) { fn.Concurrency = 10 })
		var work sync.WaitGroup
		for range 20 {
			work.Go(func() {
				for range 20 {
					if got, _, err := r.call(t.Context(), "a", "1"); err != nil || got != "1" {
						t.Errorf("%q, %v", got, err)
					}
				}
			})
		}
		work.Wait()
		time.Sleep(10 * time.Second)
		if n := r.box.created.Load(); n != 2 {
			t.Errorf("%d instances were made where two have room", n)
		}
		r.end()
	})
}

// TestWhatRanOnceIsNotTooLarge: the headroom over what was measured ends at the limit, which the function cannot exceed.
func TestWhatRanOnceIsNotTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(10*gib))
		r.begin()
		r.box.usage = func(*box) instance.Usage { return instance.Usage{Anon: 8*gib + gib/2} }
		r.function("a", memory(9*gib))
		r.must("a", "1")
		time.Sleep(5 * time.Minute) // it is measured, and then reaped
		if r.box.count() != 0 {
			t.Fatal("not reaped")
		}
		r.must("a", "2")
		r.end()
	})
}

// TestALargeStartIsNotStarved: one that needs the room of two keeps what it was promised, while four small functions that
// never stop ask for the same room.
func TestALargeStartIsNotStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(10*gib))
		r.begin()
		r.box.usage = func(*box) instance.Usage { return instance.Usage{Anon: 4 * gib} }
		small := []string{"s1", "s2", "s3", "s4"}
		for _, name := range small {
			r.function(name, memory(5*gib))
		}
		r.function("big", memory(8*gib))
		r.takes(115 * time.Millisecond)
		var stop atomic.Bool
		var work sync.WaitGroup
		for i, name := range small {
			work.Go(func() {
				time.Sleep(time.Duration(i) * 37 * time.Millisecond)
				for !stop.Load() {
					if _, _, err := r.call(context.Background(), name, "1"); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		time.Sleep(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // of the bubble's clock: ninety events of a small one
		if _, _, err := r.call(ctx, "big", "1"); err != nil {
			t.Errorf("starved: %v", err)
		}
		cancel()
		stop.Store(true)
		work.Wait()
		r.end()
	})
}

// TestACalledOffStartLeavesASpare: the spare that a start had taken, which nobody needs any more, is there again.
func TestACalledOffStartLeavesASpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(10*gib))
		r.begin()
		release := make(chan struct{})
		r.box.handle = func(_ *box, _ wire.InvokeHead, event []byte) ([]byte, *wire.FailHead) { <-release; return event, nil }
		r.function("a", memory(6*gib))
		r.function("b", memory(6*gib), func(fn *spec.Function) { fn.StagedSpares = 1 })
		synctest.Wait()
		var work sync.WaitGroup
		work.Go(func() {
			if _, _, err := r.call(context.Background(), "a", "1"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := r.call(ctx, "b", "1"); err == nil {
			t.Error("b ran without room")
		}
		time.Sleep(20 * time.Second)
		if r.box.any("b") == nil {
			t.Error("the spare has gone, and none was made")
		}
		close(release)
		work.Wait()
		r.end()
	})
}
