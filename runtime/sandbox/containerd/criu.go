package containerd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/snapshotter/criu"
)

// exitAfterDump is how long a process may take to die once CRIU has written and killed it.
const exitAfterDump = 10 * time.Second

// canCheckpoint says why there are no checkpoints on this machine.
func (d *Driver) canCheckpoint() error {
	switch {
	case d.criu.Path == "":
		return fmt.Errorf("CRIU is not installed: run `make setup`: %w", errdefs.ErrNotImplemented)
	case criu.Older(d.criu.Version, criu.Oldest):
		return fmt.Errorf("CRIU %s is too old, %s or newer is needed: run `make setup`: %w", d.criu.Version, criu.Oldest, errdefs.ErrNotImplemented)
	case strings.HasPrefix(filepath.Base(d.runtime.Path), "crun"):
		return fmt.Errorf("crun is not used for checkpoints: run `make setup` for runc: %w", errdefs.ErrNotImplemented)
	}
	return nil
}

// workDir is where CRIU writes its logs for one instance.
func (d *Driver) workDir(id string) string { return filepath.Join(d.o.State, "criu", id) }

// criuWork is the work folder of a restore; a plain start has none.
func (d *Driver) criuWork(id, checkpoint string) string {
	if checkpoint == "" {
		return ""
	}
	return d.workDir(id)
}

// writeCriuConfig makes the file that the annotation org.criu.config names.
func writeCriuConfig(data string) (string, error) {
	path := filepath.Join(data, "criu.conf")
	return path, os.WriteFile(path, []byte(criu.Config), 0o644)
}
