package doctor

import (
	"context"
	"os"
	"path/filepath"

	"github.com/videosdgx/videosdgx/snapshotter/criu"
)

// CRIU looks in VideosDGX's own prefix first, then on the PATH, and runs criu check.
func CRIU() Probe {
	prefix := os.Getenv("VIDEOSDGX_CRIU")
	if prefix == "" {
		prefix = "/opt/criu"
	}
	find := program("CRIU", false, "make setup", filepath.Join(prefix, "sbin/criu"), "criu")
	return func(ctx context.Context) Finding {
		f := find(ctx)
		if f.OK {
			if c := criu.Probe(ctx, f.Detail); !c.OK {
				f.OK, f.Fix = false, c.Fix
				f.Detail += ": " + c.Reason
			}
		}
		if !f.OK {
			f.Detail += ": snapshots are off, everything starts plainly"
		}
		return f
	}
}
