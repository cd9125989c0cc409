package snapshots

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/sandboxtest"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// TestMadeOnceProvenAndUsed: the first start is plain, an instance is dumped and another one restored for proof, and from
// then on starts are restores, also for the next control plane.
func TestMadeOnceProvenAndUsed(t *testing.T) {
	r := newRig(t)
	r.ask()
	r.counts(2, 1, 1) // the start, the instance to dump, the proof
	if got := r.only(catalog.Ready); got.Function != "f" || got.Bytes == 0 || len(got.Files) != len(images) {
		t.Errorf("record %+v", got)
	}
	r.ask()
	r.counts(2, 1, 2)
	if got := r.only(catalog.Ready); got.Restores != 1 || got.Used.IsZero() {
		t.Errorf("%d restores noted, last %v", got.Restores, got.Used)
	}
	r.close()
	r.open()
	r.ask()
	r.counts(2, 1, 3)
}

func TestOneIsMadeAtATime(t *testing.T) {
	r := newRig(t)
	entered, release := make(chan struct{}), make(chan struct{})
	r.box.dump = func(context.Context, string) error { close(entered); <-release; return nil }
	first := make(chan error, 1)
	go func() { _, err := r.Create(context.Background(), r.fn, nil); first <- err }()
	<-entered
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := r.Create(t.Context(), r.fn, nil); !errdefs.IsAlreadyExists(err) {
				t.Errorf("a second one beside it: %v", err)
			}
		})
	}
	wg.Wait()
	r.Want(r.fn)
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	r.work.Wait()
	r.counts(1, 1, 1)
}

func TestOffAndPublishAreNotMadeByAStart(t *testing.T) {
	for _, change := range []func(*rig){
		func(r *rig) { r.fn.Snapshot = "off" },
		func(r *rig) { r.fn.SnapshotOn = "publish" },
	} {
		r := newRig(t, change)
		r.ask()
		r.counts(1, 0, 0)
	}
}

// TestAnotherAnswerIsQuarantined has a function that never answers alike.
func TestAnotherAnswerIsQuarantined(t *testing.T) {
	r := newRig(t)
	var asked atomic.Int32
	r.box.Script = func(_ context.Context, e *sandboxtest.Event) {
		if body := string(e.Payload); body != `"proof"` {
			e.Answer(body, wire.InvokeEnd{RunMicros: 1})
			return
		}
		e.Answer(strconv.Itoa(int(asked.Add(1))), wire.InvokeEnd{RunMicros: 1})
	}
	r.ask()
	if q := r.only(catalog.Quarantined); !strings.Contains(q.Reason, `it answered "2" instead of "1"`) {
		t.Errorf("reason %q", q.Reason)
	}
	r.ask()
	r.counts(3, 1, 1) // no second attempt, and it does not serve
	r.now = r.now.Add(time.Hour)
	r.ask()
	r.counts(5, 2, 2)
}

// TestDamageIsNeverRestored does to each file what disks and people do: the next event is answered by a plain start.
func TestDamageIsNeverRestored(t *testing.T) {
	flip := func(p string) error {
		b, err := os.ReadFile(p)
		b[len(b)/2] ^= 1
		return errors.Join(err, os.WriteFile(p, b, 0o600))
	}
	for name, do := range map[string]func(string) error{
		"flipped": flip, "truncated": func(p string) error { return os.Truncate(p, 3) }, "missing": os.Remove,
	} {
		for _, file := range images {
			t.Run(name+" "+file, func(t *testing.T) {
				r := newRig(t)
				r.ask()
				if err := do(filepath.Join(r.only(catalog.Ready).Dir, file)); err != nil {
					t.Fatal(err)
				}
				r.ask()
				r.counts(3, 1, 1)
				if q := r.only(catalog.Quarantined); !strings.Contains(q.Reason, file) {
					t.Errorf("reason %q", q.Reason)
				}
			})
		}
	}
}

// TestFailedRestoreStartsPlainlyOnce and makes another snapshot only after a pause.
func TestFailedRestoreStartsPlainlyOnce(t *testing.T) {
	r := newRig(t)
	r.ask()
	r.box.revive = func(string) error { return errors.New("criu says no") }
	r.ask()
	r.counts(3, 1, 2)
	if q := r.only(catalog.Quarantined); !strings.Contains(q.Reason, "criu says no") {
		t.Errorf("reason %q", q.Reason)
	}
	r.box.revive = nil
	r.ask()
	r.counts(4, 1, 2)
	r.now = r.now.Add(time.Hour)
	r.ask()
	r.counts(6, 2, 3)
	r.ask()
	r.counts(6, 2, 4)
}

// TestFailedDumpLeavesNothing, whatever it has written by then.
func TestFailedDumpLeavesNothing(t *testing.T) {
	r := newRig(t)
	r.box.dump = func(_ context.Context, dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "half"), []byte("x"), 0o600), errdefs.ErrResourceExhausted)
	}
	r.ask()
	r.ask()
	r.counts(3, 1, 0)
	if all, err := r.Service.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

// TestStopWhileMaking ends a dump that would never end.
func TestStopWhileMaking(t *testing.T) {
	r := newRig(t)
	entered := make(chan struct{})
	r.box.dump = func(ctx context.Context, _ string) error { close(entered); <-ctx.Done(); return ctx.Err() }
	r.Want(r.fn)
	<-entered
	r.Stop()
	r.Stop()
	r.Want(r.fn)
	r.counts(1, 1, 0)
}

// TestStopWhileProving stops the service during the restore that proves a snapshot: that says nothing against it, so that
// none is quarantined, and none is kept unproven.
func TestStopWhileProving(t *testing.T) {
	r := newRig(t)
	entered, goOn := make(chan struct{}), make(chan struct{})
	r.box.revive = func(string) error { close(entered); <-goOn; return context.Canceled }
	r.Want(r.fn)
	<-entered
	r.cancel()
	close(goOn)
	r.Stop()
	if all, err := r.List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("left: %+v, %v", all, err)
	}
}

// TestAfterARestartOfTheMachine drops what would see its clock run backwards, and what was never proven.
func TestAfterARestartOfTheMachine(t *testing.T) {
	for name, change := range map[string]func(*catalog.Record){
		"from before the restart": func(r *catalog.Record) { r.Uptime = catalog.Uptime() + time.Hour },
		"unproven":                func(r *catalog.Record) { r.State = catalog.Unproven },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.ask()
			if _, err := r.o.Catalog.Update(r.only(catalog.Ready).ID, change); err != nil {
				t.Fatal(err)
			}
			r.close()
			r.open()
			if all, err := r.List(t.Context()); err != nil || len(all) != 0 {
				t.Errorf("left: %+v, %v", all, err)
			}
			r.ask()
			r.counts(4, 2, 2) // plainly, and another one is made
			r.only(catalog.Ready)
		})
	}
}

// TestPublishedIsMadeAgain when its snapshot has gone.
func TestPublishedIsMadeAgain(t *testing.T) {
	r := newRig(t, func(r *rig) { r.fn.SnapshotOn, r.fn.Version = "publish", "1" })
	if _, err := r.Create(t.Context(), r.fn, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Remove(t.Context(), r.only(catalog.Ready).ID); err != nil {
		t.Fatal(err)
	}
	r.ask()
	r.counts(3, 2, 2)
	r.only(catalog.Ready)
}

// TestChangedContentIsAnotherSnapshot changes an image behind its reference, then a bundle.
func TestChangedContentIsAnotherSnapshot(t *testing.T) {
	r := newRig(t)
	r.ask()
	for _, change := range []func(){
		func() { r.content.image = "sha256:b" },
		func() { r.content.bundle = "other" },
		func() { r.fn.Digest = "other" },
		func() { r.fn.Version = "1" },
		func() { r.o.Runtime = "other" },
		func() { r.o.Machine.Kernel = "7" },
		func() { r.content.err = errdefs.ErrUnavailable },
	} {
		before, err := r.Key(t.Context(), r.fn)
		if _, ok := r.Lookup(r.fn, nil); !ok && err == nil && r.content.image == "sha256:a" && r.content.bundle == "" && r.fn.Digest == "d" && r.fn.Version == "$LATEST" {
			t.Fatal("no snapshot to begin with")
		}
		change()
		if after, _ := r.Key(t.Context(), r.fn); after == before {
			t.Errorf("the key stays %+v", after)
		}
		if dir, ok := r.Lookup(r.fn, nil); ok {
			t.Errorf("%s would serve what it was not made of", dir)
		}
	}
}

// TestManage goes through what people do to snapshots.
func TestManage(t *testing.T) {
	r := newRig(t)
	made, err := r.Create(t.Context(), r.fn, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Get(t.Context(), made.ID[:8]); err != nil || got.ID != made.ID {
		t.Errorf("get: %+v, %v", got, err)
	}
	if _, err := r.Verify(t.Context(), made.ID); err != nil {
		t.Errorf("verify: %v", err)
	}
	if n, _, err := r.Collect(t.Context()); n != 0 || err != nil {
		t.Errorf("gc takes %d that serve, %v", n, err)
	}
	if err := os.Truncate(filepath.Join(made.Dir, images[0]), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Verify(t.Context(), made.ID); !errdefs.IsDataLoss(err) {
		t.Errorf("verify damage: %v", err)
	}
	q := r.only(catalog.Quarantined)
	if got, err := r.Get(t.Context(), q.ID[:8]); err != nil || got.State != catalog.Quarantined {
		t.Errorf("get one moved aside: %+v, %v", got, err)
	}
	if err := r.Remove(t.Context(), q.ID); err != nil {
		t.Errorf("remove one moved aside: %v", err)
	}
	if made, err = r.Create(t.Context(), r.fn, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(made.Dir, images[0]), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Verify(t.Context(), made.ID); !errdefs.IsDataLoss(err) {
		t.Errorf("verify damage: %v", err)
	}
	if n, bytes, err := r.Collect(t.Context()); n != 1 || bytes != made.Bytes || err != nil {
		t.Errorf("gc: %d, %d bytes, %v", n, bytes, err)
	}
	if made, err = r.Create(t.Context(), r.fn, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Remove(t.Context(), made.ID); err != nil {
		t.Error(err)
	}
	if _, ok := r.Lookup(r.fn, nil); ok {
		t.Error("a removed one would serve")
	}
	if _, err := r.Get(t.Context(), made.ID); !errdefs.IsNotFound(err) {
		t.Errorf("get after rm: %v", err)
	}
}

// TestWritableMountsAreNotSnapshotted unless the manifest asks for it in any case.
func TestWritableMountsAreNotSnapshotted(t *testing.T) {
	fn := spec.Function{Name: "f", Snapshot: "auto", Mounts: []spec.Mount{{Source: "/x", Target: "/data", Writable: true}}}
	if err := steady(fn); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "/data") {
		t.Error(err)
	}
	fn.Snapshot = "always"
	if err := steady(fn); err != nil {
		t.Error(err)
	}
	fn.Snapshot, fn.Mounts[0].Writable = "auto", false
	if err := steady(fn); err != nil {
		t.Error(err)
	}
}

// TestWhatRepeatsIsNotTriedAgain: it would be the same the next time.
func TestWhatRepeatsIsNotTriedAgain(t *testing.T) {
	s := &Service{o: Options{Retry: time.Minute}}
	for _, err := range []error{&instance.RepeatsError{Function: "f", What: "java"}, &instance.DeviceRoomError{ID: "f-1", Device: 2, Limit: 1}} {
		if d := s.again(fmt.Errorf("x: %w", err)); d < 365*24*time.Hour {
			t.Errorf("%v: %v", err, d)
		}
	}
	if d := s.again(errors.New("x")); d != time.Minute {
		t.Error(d)
	}
}
