package containerd

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/place"
)

// readable says, before anything is made, that a bundle's files are closed to the user that the function runs as. Else it
// would find out by itself, after a cold start, and say only "permission denied".
func readable(bundle string, o place.Owner) error {
	if bundle == "" {
		return nil
	}
	return filepath.WalkDir(bundle, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("model bundle %s: %w (%w)", bundle, err, errdefs.ErrNotFound)
		}
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			return fmt.Errorf("model bundle: %s: %w", path, err)
		}
		want := os.FileMode(0o4)
		if e.IsDir() {
			want = 0o5
		}
		if !may(o, st, uint32(want)) {
			return fmt.Errorf("the image's user may not read %s: run `chmod -R a+rX %s`: %w", path, bundle, errdefs.ErrPermissionDenied)
		}
		return nil
	})
}

// may checks permission bits as the kernel does: the first class that fits decides.
func may(o place.Owner, st unix.Stat_t, want uint32) bool {
	switch {
	case st.Uid == o.UID:
		return st.Mode>>6&want == want
	case st.Gid == o.GID:
		return st.Mode>>3&want == want
	}
	return st.Mode&want == want
}
