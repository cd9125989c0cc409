package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
)

// mayBuild says what stands in the way of building plans.
func (w *workshop) mayBuild() error {
	if _, err := tensorrt.FindPlanner(); err != nil {
		return err
	}
	if err := takes(w.lib, w.on, w.graphs()); err != nil {
		return err
	}
	if err := mayWrite(plansDir(w.m.Dir)); err != nil {
		return err
	}
	return w.room(2*w.m.Bytes(), "building plans") // weights, and what their layout is tried with
}

// mayWrite says whether plans that are built here would be kept: an instance that builds for itself alone builds in vain. A
// folder that was not there is not there afterwards.
func mayWrite(dir string) error {
	_, there := os.Stat(dir)
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(dir, ".partial-*"); err == nil {
			f.Close()
			err = os.Remove(f.Name())
		}
		if errors.Is(there, fs.ErrNotExist) {
			_ = os.Remove(dir) // one with something in it stays
		}
	}
	if err != nil {
		return fmt.Errorf("there are no plans and none can be kept here (%w); `videosdgx models plan` builds them, and %s names another folder: %w", err, PlansEnv, errdefs.ErrFailedPrecondition)
	}
	return nil
}
