package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestThousandInvocationsOfAColdFunction(t *testing.T) {
	for _, c := range []struct{ concurrency, atOnce, want int }{{7, 1, 7}, {1, 1, 1}, {3, 10, 3}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.begin()
				r.box.ready = func(*box) *wire.FailHead { time.Sleep(50 * time.Millisecond); return nil }
				r.box.handle = func(_ *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) {
					time.Sleep(time.Millisecond)
					return e, nil
				}
				r.function("f", func(fn *spec.Function) { fn.Concurrency, fn.EventsAtOnce = c.concurrency, c.atOnce })
				var work sync.WaitGroup
				var cold atomic.Int32
				for i := range 1000 {
					work.Go(func() {
						if r.must("f", fmt.Sprint(i)).Phases.Cold {
							cold.Add(1)
						}
					})
				}
				work.Wait()
				if n := int(r.box.created.Load()); n != c.want {
					t.Errorf("%d instances started, want %d", n, c.want)
				}
				if int(cold.Load()) != c.want {
					t.Errorf("%d invocations say that they were cold", cold.Load())
				}
				s, _ := r.Status(t.Context(), "f")
				if s.Invocations != 1000 || s.Errors != 0 || s.ColdStarts != int64(c.want) || s.Queued != 0 {
					t.Errorf("status %+v", s)
				}
				r.end()
			})
		})
	}
}

func TestIdleInstancesAreReaped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f")
		r.must("f", "1")
		time.Sleep(40 * time.Second)
		r.must("f", "2") // the time runs anew
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if r.box.count() != 1 {
			t.Fatal("reaped before its time")
		}
		all, _ := r.Instances(t.Context())
		if len(all) != 1 || all[0].State != spec.Idle || all[0].Served != 2 || time.Until(all[0].Expires) > time.Second {
			t.Errorf("instances %+v", all)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if r.box.count() != 0 {
			t.Error("not reaped")
		}
		if !r.must("f", "3").Phases.Cold {
			t.Error("the next one was not cold")
		}
		r.end()
	})
}

func TestMinInstancesAndSparesAreProvided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f", func(fn *spec.Function) { fn.Concurrency, fn.MinInstances, fn.StagedSpares = 4, 2, 1 })
		synctest.Wait()
		if r.box.count() != 3 {
			t.Fatalf("%d boxes, want 2 started and 1 staged", r.box.count())
		}
		if r.must("f", "1").Phases.Cold {
			t.Error("cold in spite of minInstances")
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		s, _ := r.Status(t.Context(), "f")
		if s.Instances != 2 {
			t.Errorf("%d instances after an hour", s.Instances)
		}
		r.end()
	})
}

func TestProvisionedVersionsAreKeptWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f", func(fn *spec.Function) { fn.Version, fn.Concurrency, fn.MinInstances = "1", 4, 2 })
		synctest.Wait()
		time.Sleep(time.Hour)
		synctest.Wait()
		if r.box.count() != 2 {
			t.Errorf("%d boxes after an hour, want 2", r.box.count())
		}
		r.end()
	})
}

func TestStagedSpareSavesTheCreation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f", func(fn *spec.Function) { fn.StagedSpares = 1 })
		synctest.Wait()
		p := r.must("f", "1").Phases
		if !p.Cold || p.Create != 0 {
			t.Errorf("phases %+v", p)
		}
		synctest.Wait()
		if r.box.count() != 2 {
			t.Errorf("%d boxes, want the spare replaced", r.box.count())
		}
		r.end()
	})
}

func TestDeadIdleInstanceCostsOneRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f")
		r.must("f", "1")
		r.box.any("f").deaf.Store(true)
		if !r.must("f", "2").Phases.Cold {
			t.Error("not from a new instance")
		}
		r.box.any("f").kill(1)
		r.must("f", "3")
		r.end()
	})
}

func TestTwoDeadInstancesAreAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		var calls atomic.Int32
		r.box.handle = func(*box, wire.InvokeHead, []byte) ([]byte, *wire.FailHead) {
			calls.Add(1)
			return nil, &wire.FailHead{Class: wire.ClassBusy, Message: "busy", Unseen: true}
		}
		r.function("f")
		_, _, err := r.call(t.Context(), "f", "1")
		if !errdefs.IsUnavailable(err) || calls.Load() != 2 {
			t.Errorf("%d calls, %v", calls.Load(), err)
		}
		r.end()
	})
}

func TestFunctionThatExitsAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.box.ready = func(*box) *wire.FailHead {
			time.Sleep(50 * time.Millisecond)
			return &wire.FailHead{Class: wire.ClassInit, Message: "the function exited with status 3 before it was ready", LogTail: []byte("no such file: model\n"), Exit: 3}
		}
		r.function("f", func(fn *spec.Function) { fn.Concurrency = 2 })
		var work sync.WaitGroup
		for range 10 {
			work.Go(func() {
				_, _, err := r.call(t.Context(), "f", "1")
				if !errdefs.IsUnavailable(err) || !strings.Contains(err.Error(), "no such file: model") || !strings.Contains(err.Error(), "status 3") {
					t.Errorf("got %v", err)
				}
			})
		}
		work.Wait()
		if n := r.box.created.Load(); n != 2 {
			t.Errorf("%d starts of a function that cannot start", n)
		}
		r.end()
	})
}

func TestDeathAndLatenessAreAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.box.handle = func(b *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) {
			if string(e) == "die" {
				b.kill(9)
				return nil, &wire.FailHead{Class: wire.ClassExit, Message: "Runtime exited with error: exit status 9", Exit: 9}
			}
			return nil, &wire.FailHead{Class: wire.ClassTimeout, Message: "late"}
		}
		r.function("f")
		for event, want := range map[string]string{"die": "exit status 9", "late": "Task timed out after"} {
			body, res, err := r.call(t.Context(), "f", event)
			if err != nil || res.FunctionError != "Unhandled" || !strings.Contains(body, want) || !strings.Contains(body, `"errorType"`) {
				t.Errorf("%s: %q %+v %v", event, body, res, err)
			}
		}
		synctest.Wait()
		if r.box.count() != 0 {
			t.Error("an instance that died or was late is still there")
		}
		s, _ := r.Status(t.Context(), "f")
		if s.Invocations != 2 || s.Errors != 2 {
			t.Errorf("%d invocations, %d errors", s.Invocations, s.Errors)
		}
		r.end()
	})
}

func TestQueueIsBoundedAndHonoursDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		release := make(chan struct{})
		r.box.handle = func(_ *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) { <-release; return e, nil }
		r.function("f", func(fn *spec.Function) { fn.QueueLimit = 2 })
		var work sync.WaitGroup
		work.Go(func() { r.must("f", "1") })
		synctest.Wait()
		work.Go(func() {
			_, err := r.Invoke(t.Context(), spec.Invocation{ID: "d", Function: "f", Deadline: time.Now().Add(time.Second)})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("deadline in the queue: %v", err)
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		work.Go(func() {
			if _, _, err := r.call(ctx, "f", "c"); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled in the queue: %v", err)
			}
		})
		synctest.Wait()
		_, _, err := r.call(t.Context(), "f", "full")
		var retry *spec.RetryError
		if !errdefs.IsResourceExhausted(err) || !errors.As(err, &retry) || retry.After <= 0 {
			t.Errorf("full queue: %v", err)
		}
		cancel()
		time.Sleep(2 * time.Second)
		close(release)
		work.Wait()
		r.must("f", "2")
		r.end()
	})
}

func TestCancelWhileTheFunctionRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		ctx, cancel := context.WithCancel(t.Context())
		r.box.handle = func(*box, wire.InvokeHead, []byte) ([]byte, *wire.FailHead) {
			cancel()
			time.Sleep(100 * time.Millisecond)
			return nil, &wire.FailHead{Class: wire.ClassCancelled, Message: "cancelled"}
		}
		r.function("f")
		if _, _, err := r.call(ctx, "f", "1"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		r.end()
	})
}

func TestIdleFreezeAndThaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f", func(fn *spec.Function) { fn.FreezeIdle = true })
		r.must("f", "1")
		time.Sleep(breath / 2)
		r.must("f", "1")
		time.Sleep(breath - 1)
		synctest.Wait()
		b := r.box.any("f")
		if b.frozen.Load() != 0 {
			t.Error("frozen before it has had its rest")
		}
		time.Sleep(1)
		synctest.Wait()
		if b.frozen.Load() != 1 {
			t.Error("idle and not frozen")
		}
		r.box.handle = func(b *box, _ wire.InvokeHead, e []byte) ([]byte, *wire.FailHead) {
			if b.frozen.Load() != 2 {
				t.Error("an event for a frozen instance")
			}
			return e, nil
		}
		r.must("f", "2")
		r.end()
	})
}
