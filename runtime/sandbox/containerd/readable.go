package containerd

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// readable says, before anything is made, that a bundle's files are closed to the user that the function runs as. Else it
// would find out by itself, after a cold start, and say only "permission denied".
func readable(bundle string, u user) error {
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
		if !u.may(st, uint32(want)) {
			return fmt.Errorf("user %d of the image may not read %s: run `chmod -R a+rX %s`: %w", u.UID, path, bundle, errdefs.ErrPermissionDenied)
		}
		return nil
	})
}

// may checks permission bits as the kernel does: the first class that fits decides.
func (u user) may(st unix.Stat_t, want uint32) bool {
	switch {
	case st.Uid == u.UID:
		return st.Mode>>6&want == want
	case st.Gid == u.GID:
		return st.Mode>>3&want == want
	}
	return st.Mode&want == want
}
