package dispatch

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// midway is a keeper of snapshots that stops a start on its way: where it looks for a checkpoint, and after a plain start.
type midway struct {
	snapshots
	asked, ask chan struct{} // the first Lookup tells, and waits
	seen, ran  atomic.Bool
	started    func()
}

func (s *midway) Lookup(spec.Function, []string) (string, bool) {
	if s.ask != nil && s.seen.CompareAndSwap(false, true) {
		s.asked <- struct{}{}
		<-s.ask
	}
	return s.dir, s.dir != ""
}

func (s *midway) Started(spec.Function) {
	if s.started != nil && s.ran.CompareAndSwap(false, true) {
		s.started()
	}
}

// TestASpareOfAReplacedVersionGoes: a start had taken it, and gives it back to a version that is not there any more.
func TestASpareOfAReplacedVersionGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &midway{snapshots: snapshots{dir: "nowhere"}, asked: make(chan struct{}), ask: make(chan struct{})}
		r := newRig(t, func(c *Config) { c.Snapshots = s })
		r.begin()
		r.function("a", func(fn *spec.Function) { fn.StagedSpares, fn.Snapshot = 1, "always" })
		synctest.Wait()
		if r.box.count() != 1 {
			t.Fatalf("%d boxes, want a spare", r.box.count())
		}
		var work sync.WaitGroup
		work.Go(func() { _, _, _ = r.call(context.Background(), "a", "1") }) // answered by either version
		<-s.asked
		r.function("a", digest("a-2")) // which has no spares
		synctest.Wait()
		close(s.ask)
		work.Wait()
		time.Sleep(10 * time.Minute)
		if n := r.box.count(); n != 0 {
			t.Errorf("%d boxes are left, such as one of %s", n, r.box.any("a").cfg.Function.Digest)
		}
		r.end()
	})
}

// TestOneThatDiedBeforeItServedIsReplaced: it was ready, and its end came before it was looked for.
func TestOneThatDiedBeforeItServedIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &midway{}
		r := newRig(t, func(c *Config) { c.Snapshots = s })
		s.started = func() { r.box.any("a").kill(1); time.Sleep(time.Millisecond) }
		r.begin()
		r.function("a", func(fn *spec.Function) { fn.MinInstances = 1 })
		time.Sleep(10 * time.Minute)
		all, _ := r.Instances(t.Context())
		if len(all) != 1 || all[0].State != spec.Idle {
			t.Errorf("minInstances is 1, and there are %+v", all)
		}
		r.end()
	})
}
