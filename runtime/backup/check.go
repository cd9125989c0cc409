package backup

import (
	"fmt"
	"io/fs"
	"math"
	"path"

	"github.com/containerd/errdefs"
)

// check refuses a list that no backup was made with, whatever its digest: names that lead out of their place, come twice or go
// through what is no folder, sizes and modes that cannot be.
func (b Backup) check() error {
	wrong := func(f File, format string, args ...any) error {
		return fmt.Errorf("%.80q %s: %w", f.Name, fmt.Sprintf(format, args...), errdefs.ErrDataLoss)
	}
	kinds, all := make(map[string]bool, len(b.Files)), int64(0) // name → is a folder
	for _, f := range b.Files {
		_, twice := kinds[f.Name]
		switch {
		case !fs.ValidPath(f.Name) || f.Name == ".":
			return wrong(f, "is no name of a file")
		case twice:
			return wrong(f, "comes twice")
		case f.Size < 0 || f.Size > math.MaxInt64-all:
			return wrong(f, "has %d bytes", f.Size)
		case f.Mode != f.Mode.Perm():
			return wrong(f, "has the mode %s, which is more than permissions", f.Mode)
		case !f.Folder && f.Link == "" && !sumForm.MatchString(f.SHA256):
			return wrong(f, "has no digest of its content")
		}
		kinds[f.Name], all = f.Folder, all+f.Size
	}
	for _, f := range b.Files {
		for at := path.Dir(f.Name); at != "."; at = path.Dir(at) {
			if folder, listed := kinds[at]; listed && !folder {
				return wrong(f, "lies in %.80q, which is no folder", at)
			}
		}
	}
	return nil
}
