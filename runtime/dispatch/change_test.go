package dispatch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func digest(d string) func(*spec.Function) { return func(fn *spec.Function) { fn.Digest = d } }

func TestHotReloadUnderLoadDropsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.box.handle = func(b *box, _ wire.InvokeHead, _ []byte) ([]byte, *wire.FailHead) {
			time.Sleep(10 * time.Millisecond)
			return []byte(b.cfg.Function.Digest), nil
		}
		r.function("f", digest("0"), func(fn *spec.Function) { fn.Concurrency = 3 })
		var work sync.WaitGroup
		for i := range 20 {
			work.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				for range 50 {
					asked := r.fns.all["f"].Digest
					got, _, err := r.call(t.Context(), "f", "x")
					if err != nil || got < asked {
						t.Errorf("asked when %s served, got %q, %v", asked, got, err)
					}
				}
			})
		}
		for v := 1; v < 6; v++ {
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			r.function("f", digest(fmt.Sprint(v)), func(fn *spec.Function) { fn.Concurrency = 3 })
		}
		work.Wait()
		synctest.Wait()
		if b := r.box.any("f"); r.box.count() > 3 || b.cfg.Function.Digest != "5" {
			t.Errorf("%d boxes, of version %s", r.box.count(), b.cfg.Function.Digest)
		}
		r.end()
	})
}

func TestScalingFieldsReplaceNoInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f")
		r.must("f", "1")
		r.function("f", func(fn *spec.Function) { fn.KeepAlive = spec.Duration(time.Second) })
		if r.must("f", "1").Phases.Cold {
			t.Error("cold after a change of keepAlive")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if r.box.count() != 0 {
			t.Error("the shorter keepAlive is not in force")
		}
		r.end()
	})
}

func TestDeletedFunctionGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f", func(fn *spec.Function) { fn.MinInstances = 1 })
		synctest.Wait()
		r.delete("f")
		synctest.Wait()
		if _, _, err := r.call(t.Context(), "f", "1"); !errdefs.IsNotFound(err) || r.box.count() != 0 {
			t.Errorf("%d boxes, %v", r.box.count(), err)
		}
		if len(r.histories) != 0 || len(r.pools) != 0 {
			t.Errorf("%d histories and %d pools of no function", len(r.histories), len(r.pools))
		}
		r.end()
	})
}

func TestRestartAdoptsWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f", func(fn *spec.Function) { fn.Concurrency, fn.StagedSpares = 2, 1 })
		r.function("g")
		r.must("f", "1")
		r.must("g", "1")
		synctest.Wait()
		id := r.box.any("g").ID()
		other := instance.Config{ID: "other", Labels: map[string]string{labelOwner: "somebody else"}}
		_, _ = r.box.Create(t.Context(), other)
		r.Abandon()
		if err := os.MkdirAll(filepath.Join(r.cfg.RunDir, "leftover"), 0o755); err != nil {
			t.Fatal(err)
		}
		r.function("f", digest("f-2")) // changed while the control plane was away
		r.open()
		r.begin()
		if p := r.must("g", "1").Phases; p.Cold || r.box.any("g").ID() != id {
			t.Errorf("g was not adopted: %+v", p)
		}
		if r.box.any("f") != nil {
			t.Error("instances of the version before the change are still there")
		}
		if _, err := os.Stat(filepath.Join(r.cfg.RunDir, "leftover")); err == nil {
			t.Error("a folder of no instance is still there")
		}
		if b := r.box.any(""); b == nil {
			t.Error("somebody else's instance was removed")
		} else {
			_ = b.Remove(t.Context())
		}
		r.end()
	})
}

func TestRestartStartsNoMoreThanIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f", func(fn *spec.Function) { fn.Concurrency, fn.MinInstances = 2, 2 })
		synctest.Wait()
		r.Abandon()
		_ = r.box.any("f").Remove(t.Context())
		before := r.box.created.Load()
		r.open()
		r.begin()
		synctest.Wait()
		if n := r.box.created.Load() - before; r.box.count() != 2 || n != 1 {
			t.Errorf("%d boxes, %d of them new", r.box.count(), n)
		}
		r.end()
	})
}

func TestRestartThawsWhatWasFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f", func(fn *spec.Function) { fn.FreezeIdle = true })
		r.must("f", "1")
		time.Sleep(breath)
		synctest.Wait()
		b := r.box.any("f")
		if b.frozen.Load() != 1 {
			t.Fatal("idle and not frozen")
		}
		r.Abandon()
		r.open()
		r.begin()
		if r.must("f", "1").Phases.Cold || r.box.any("f") != b {
			t.Error("a frozen instance was not adopted")
		}
		r.end()
	})
}

// snapshots is a keeper of checkpoints for a test.
type snapshots struct {
	dir     string
	started int
	failed  []error
}

func (s *snapshots) Lookup(spec.Function, []string) (string, bool) { return s.dir, s.dir != "" }
func (s *snapshots) Started(spec.Function)                         { s.started++ }
func (s *snapshots) Restored(spec.Function)                        {}
func (s *snapshots) Failed(_ spec.Function, err error)             { s.dir = ""; s.failed = append(s.failed, err) }

// restorer is the fake with restores.
type restorer struct {
	*sandbox
	err error
}

func (r *restorer) Info() instance.Info { return instance.Info{Name: "fake", Restores: true} }

func (r *restorer) Restore(ctx context.Context, c instance.Config, _ string) (instance.Box, error) {
	if r.err != nil {
		return nil, r.err
	}
	b, err := r.Create(ctx, c)
	if err == nil {
		b.(*box).started.Store(true)
	}
	return b, err
}

// newRestoringRig has a snapshot of every function.
func newRestoringRig(t *testing.T) *rig {
	t.Helper()
	return newRig(t, func(c *Config) {
		c.Snapshots, c.Sandbox = &snapshots{dir: "images"}, &restorer{sandbox: c.Sandbox.(*sandbox)}
	})
}

// TestRestartKnowsWhatWasRestored: how an instance was started is known of an adopted one too.
func TestRestartKnowsWhatWasRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRestoringRig(t)
		r.begin()
		want := map[string]string{"f": "snapshot", "g": "plain"}
		r.function("f", func(fn *spec.Function) { fn.Snapshot = "always" })
		r.function("g", func(fn *spec.Function) { fn.Snapshot = "off" })
		for range 2 {
			r.must("f", "1")
			r.must("g", "1")
			all, _ := r.Instances(t.Context())
			if len(all) != len(want) {
				t.Errorf("instances: %+v", all)
			}
			for _, i := range all {
				if i.StartedBy != want[i.Function] {
					t.Errorf("%s is said to be started by %q", i.Function, i.StartedBy)
				}
			}
			r.Abandon()
			r.open()
			r.begin()
		}
		r.end()
	})
}

// TestAHalfRestoredInstanceIsNotAdopted: nobody has given it random numbers of its own.
func TestAHalfRestoredInstanceIsNotAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRestoringRig(t)
		r.begin()
		r.function("f", func(fn *spec.Function) { fn.Snapshot = "always" })
		r.must("f", "1")
		half := r.box.any("f")
		if err := os.Remove(filepath.Join(r.cfg.RunDir, half.ID(), "restored")); err != nil {
			t.Fatal(err)
		}
		r.Abandon()
		r.open()
		r.begin()
		if r.must("f", "1"); r.box.any("f") == half {
			t.Error("it serves")
		}
		r.end()
	})
}

func TestTheFasterStartIsChosen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keeper := &snapshots{}
		r := newRig(t, func(c *Config) { c.Snapshots = keeper })
		fast := &restorer{sandbox: r.box}
		r.cfg.Sandbox = fast
		r.open()
		r.begin()
		r.box.ready = func(b *box) *wire.FailHead { time.Sleep(time.Second); return nil }
		r.function("f", func(fn *spec.Function) { fn.KeepAlive = spec.Duration(time.Second) })
		cold := func() spec.Phases {
			time.Sleep(3 * time.Second)
			return r.must("f", "1").Phases
		}
		if p := cold(); p.Snapshot || keeper.started != 1 {
			t.Errorf("without a snapshot: %+v", p)
		}
		keeper.dir = "images"
		r.box.ready = nil
		for range 4 {
			if p := cold(); !p.Snapshot {
				t.Errorf("the slower start was taken: %+v", p)
			}
		}
		fast.err = errors.New("CRIU says no")
		if p := cold(); p.Snapshot || len(keeper.failed) != 1 || !strings.Contains(keeper.failed[0].Error(), "CRIU says no") {
			t.Errorf("after a failed restore: %+v, %v", p, keeper.failed)
		}
		r.end()
	})
}

// TestTheVersionThatWasDrawnAnswers: who has resolved a weighted alias, and answered for its limits, gets that version, and
// the alias is not drawn again.
func TestTheVersionThatWasDrawnAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		r.function("f", func(fn *spec.Function) { fn.Version = "2" })
		inv := spec.Invocation{ID: "1", Function: "f", Qualifier: "live", Payload: []byte("x")} // an alias that the fake cannot resolve
		if _, err := r.Invoke(t.Context(), inv); !errdefs.IsNotFound(err) {
			t.Errorf("resolved: %v", err)
		}
		inv.Version = "2"
		res, err := r.Invoke(t.Context(), inv)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			err = res.Body.Close()
		}
		if err != nil || res.Version != "2" {
			t.Errorf("%+v, %v", res, err)
		}
		r.end()
	})
}
