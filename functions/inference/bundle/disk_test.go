package bundle

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/compile"
)

func TestNoBuildBeginsWhereItDoesNotFit(t *testing.T) {
	dir := t.TempDir()
	if err := diskRoom(dir, math.MaxInt64); !errdefs.IsResourceExhausted(err) {
		t.Errorf("more than every disk has: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, compile.DataName), make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := int64(-1)
	o := Options{Room: func(need int64) error { asked = need; return nil }}
	if err := o.room(dir, 4096); err != nil || asked != 0 {
		t.Errorf("weights that are there already: %d more, %v", asked, err)
	}
}

func TestNoBuildBeginsWhereSomebodySaysNo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	r, _, ctx := resumable(t, "")
	full, asked := errors.New("full"), int64(0)
	_, err := Build(ctx, r, dir, Options{Targets: target(), Room: func(need int64) error { asked = need; return full }})
	if !errors.Is(err, full) || asked <= 0 {
		t.Errorf("%d bytes asked for, %v", asked, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a bundle is in place: %v", err)
	}
}

func TestACheckpointThatChangesIsNotSealed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	r, _, ctx := resumable(t, "")
	changed := errors.New("changed")
	r.Unchanged = func() error { return changed }
	if _, err := Build(ctx, r, dir, Options{Targets: target()}); !errors.Is(err, changed) {
		t.Errorf("a build from a checkpoint that changed: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its bundle is in place: %v", err)
	}
}
