package snapshots

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/dispatch"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
)

// dying is a driver whose restored instances end at once, when it is on.
type dying struct {
	*sandbox
	on atomic.Bool
}

func (d *dying) Restore(ctx context.Context, c instance.Config, dir string) (instance.Box, error) {
	b, err := d.sandbox.Restore(ctx, c, dir)
	if err == nil && d.on.Load() {
		err = b.Stop(ctx, 0)
	}
	return b, err
}

// TestARestoredInstanceThatDiesAtOnceIsStartedPlainly, and does not hold up its function until the server is restarted.
func TestARestoredInstanceThatDiesAtOnceIsStartedPlainly(t *testing.T) {
	r := newRig(t)
	r.ask()
	if err := r.d.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir, box := t.TempDir(), &dying{sandbox: r.box}
	box.on.Store(true)
	d, err := dispatch.New(dispatch.Config{
		Functions: &one{r.fn}, Sandbox: box, RunDir: filepath.Join(dir, "run"), LogDir: filepath.Join(dir, "log"), Owner: "test",
		Snapshots: r.Service, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.d = d // which the rig stops
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	res, err := d.Invoke(ctx, spec.Invocation{ID: "i", Function: "f", Payload: []byte(`"hello"`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.Phases.Snapshot {
		t.Errorf("%+v, %v", res.Phases, err)
	}
	res.Body.Close()
}

// TestAStartWhileASnapshotIsReplaced does not take the new files for damaged old ones.
func TestAStartWhileASnapshotIsReplaced(t *testing.T) {
	r := newRig(t)
	r.ask()
	r.box.dump = func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "extra.img"), []byte("new"), 0o600)
	}
	asked := false
	r.box.revive = func(string) error { // of the proof
		r.box.revive, asked = nil, true
		if _, ok := r.Lookup(r.fn, nil); ok {
			t.Error("one that is not proven yet serves")
		}
		return nil
	}
	if _, err := r.Create(t.Context(), r.fn, nil); err != nil || !asked {
		t.Errorf("%v, asked %v", err, asked)
	}
	all, err := r.Service.List(t.Context())
	if err != nil || len(all) != 1 || all[0].State != catalog.Ready {
		t.Errorf("%+v, %v", all, err)
	}
}
