package dispatch

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func memory(b spec.Bytes) func(*spec.Function) {
	return func(fn *spec.Function) { fn.Limits.Memory = b }
}

const gib = spec.Bytes(1 << 30)

func TestEvictionMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(10*gib))
		r.begin()
		r.function("a", memory(6*gib))
		r.function("b", memory(6*gib))
		r.must("a", "1")
		if !r.must("b", "1").Phases.Cold || r.box.any("a") != nil || r.box.any("b") == nil {
			t.Error("b did not take a's room")
		}
		r.end()
	})
}

func TestWhatNeverFitsIsRefusedWithNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(10*gib))
		r.begin()
		r.function("a", memory(11*gib))
		_, _, err := r.call(t.Context(), "a", "1")
		var retry *spec.RetryError
		if !errdefs.IsResourceExhausted(err) || !errors.As(err, &retry) || retry.After != 0 ||
			!strings.Contains(err.Error(), "11GiB") || !strings.Contains(err.Error(), "10GiB") {
			t.Errorf("got %v", err)
		}
		r.end()
	})
}

func TestPinnedStaysAndBusyIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(10*gib))
		r.begin()
		r.function("pinned", memory(4*gib), func(fn *spec.Function) { fn.Pin = true })
		r.function("a", memory(6*gib))
		r.function("b", memory(6*gib))
		r.must("pinned", "1")
		release := make(chan struct{})
		r.box.handle = func(b *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) {
			if b.cfg.Function.Name == "a" {
				<-release
			}
			return e, nil
		}
		var work sync.WaitGroup
		work.Go(func() { r.must("a", "1") })
		synctest.Wait()
		answered := false
		work.Go(func() { r.must("b", "1"); answered = true })
		synctest.Wait()
		if answered || r.box.any("b") != nil {
			t.Error("b started beside a busy a")
		}
		close(release)
		work.Wait()
		if r.box.any("pinned") == nil {
			t.Error("the pinned one went")
		}
		r.end()
	})
}

// Two functions that do not fit together: whoever came first is served first, also across functions.
func TestRoomIsFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(10*gib))
		r.begin()
		r.box.usage = func(*box) instance.Usage { return instance.Usage{Anon: 5 * gib} }
		var mu sync.Mutex
		var order []string
		r.box.handle = func(b *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) {
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			order = append(order, string(e))
			return e, nil
		}
		r.function("a", memory(6*gib))
		r.function("b", memory(6*gib))
		var work sync.WaitGroup
		for _, c := range []string{"a1", "a2", "b1", "a3", "a4", "b2"} {
			work.Go(func() { r.must(c[:1], c) })
			synctest.Wait()
			time.Sleep(time.Millisecond)
		}
		work.Wait()
		if got := strings.Join(order, " "); got != "a1 a2 b1 a3 a4 b2" {
			t.Errorf("order %s", got)
		}
		r.end()
	})
}

// Two models share a GPU: they take turns, and a function that needs none does not wait for them.
func TestModelsTakeTurnsOnAGPU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) {
			c.Pools = func() []placement.Pool {
				return []placement.Pool{
					{Name: placement.System, Total: 64 * gib, Available: -1},
					{Name: "gpu0", Total: 24 * gib, Available: -1, Devices: []string{"nvidia.com/gpu=0"}},
				}
			}
		})
		r.begin()
		var onGPU, most atomic.Int32
		r.box.handle = func(b *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) {
			if b.cfg.Function.DeviceMemory > 0 {
				n := onGPU.Add(1)
				most.Store(max(most.Load(), n))
				time.Sleep(time.Minute)
				onGPU.Add(-1)
			}
			return e, nil
		}
		model := func(fn *spec.Function) { fn.GPUs, fn.DeviceMemory = []string{"all"}, 16*gib }
		r.function("wan", model)
		r.function("ltx", model)
		r.function("cpu")
		var work sync.WaitGroup
		for i := range 3 {
			work.Go(func() { r.must("wan", "w"); r.must("ltx", "l") })
			synctest.Wait()
			time.Sleep(time.Duration(i) * time.Second)
		}
		begin := time.Now()
		r.must("cpu", "c")
		if took := time.Since(begin); took > 0 {
			t.Errorf("a function without a GPU waited %s for those with one", took)
		}
		work.Wait()
		if most.Load() != 1 {
			t.Errorf("%d models on a GPU that holds one", most.Load())
		}
		r.end()
	})
}

func TestAStartThatNobodyWaitsForIsCalledOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(10*gib))
		r.begin()
		release := make(chan struct{})
		r.box.handle = func(_ *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) { <-release; return e, nil }
		r.function("a", memory(6*gib))
		r.function("b", memory(6*gib))
		var work sync.WaitGroup
		work.Go(func() { r.must("a", "1") })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := r.call(ctx, "b", "1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		work.Go(func() { r.must("a", "2") })
		close(release)
		work.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if r.box.any("a") == nil || r.box.any("b") != nil {
			t.Error("a went for a start that nobody waited for")
		}
		r.end()
	})
}

// TestAnImageThatNobodyWaitsForIsCalledOff: minutes of unpacking end with who wanted it; a moment's work is done to its end.
func TestAnImageThatNobodyWaitsForIsCalledOff(t *testing.T) {
	for unpack, made := range map[time.Duration]int{10 * time.Minute: 0, time.Second: 1} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.box.unpack = unpack
			r.begin()
			r.function("a")
			ctx, cancel := context.WithTimeout(t.Context(), unpack/2)
			defer cancel()
			if _, _, err := r.call(ctx, "a", "1"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			time.Sleep(unpack)
			synctest.Wait()
			if n := r.box.count(); n != made {
				t.Errorf("%d instances after %s of unpacking, want %d", n, unpack, made)
			}
			r.end()
		})
	}
}

func TestMeasuredMemoryReplacesTheManifest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(10*gib))
		r.begin()
		r.function("a", memory(8*gib), func(fn *spec.Function) { fn.Concurrency = 5 })
		r.must("a", "1")
		time.Sleep(3 * time.Second) // the fake uses 4 MiB, which the sampler sees
		var work sync.WaitGroup
		r.box.handle = func(_ *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) {
			time.Sleep(time.Second)
			return e, nil
		}
		for range 5 {
			work.Go(func() { r.must("a", "1") })
		}
		work.Wait()
		if r.box.most != 5 {
			t.Errorf("%d instances at once, want 5", r.box.most)
		}
		r.end()
	})
}

func TestWhatDoesNotFitBesideThePinnedIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(10*gib))
		r.begin()
		r.function("pinned", memory(4*gib), func(fn *spec.Function) { fn.Pin = true })
		r.function("a", memory(8*gib))
		r.must("pinned", "1")
		_, _, err := r.call(t.Context(), "a", "1")
		var retry *spec.RetryError
		if !errdefs.IsResourceExhausted(err) || !errors.As(err, &retry) || retry.After <= 0 ||
			!strings.Contains(err.Error(), "pinned functions and minInstances, which hold 4GiB") || !strings.Contains(err.Error(), "leave 6GiB") {
			t.Errorf("got %v", err)
		}
		r.end()
	})
}

// What an instance holds in the middle of its first event says nothing of what it will hold.
func TestTheFirstEventDoesNotMeasureUntilItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, pools(10*gib))
		r.begin()
		r.box.usage = func(*box) instance.Usage { return instance.Usage{Anon: gib} }
		release := make(chan struct{})
		r.box.handle = func(b *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) {
			if b.cfg.Function.Name == "a" {
				<-release
			}
			return e, nil
		}
		r.function("a", memory(6*gib))
		r.function("b", memory(6*gib))
		var work sync.WaitGroup
		work.Go(func() { r.must("a", "1") })
		time.Sleep(10 * time.Second)
		work.Go(func() { r.must("b", "1") })
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if r.box.any("b") != nil {
			t.Error("b started in room that a has been promised")
		}
		close(release)
		work.Wait()
		r.end()
	})
}
