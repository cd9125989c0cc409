package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// mountsDigest changes whenever a file does that a function's read-only mounts show: by name, mode, size, inode and the times
// at which it and its inode were written, which an edit cannot leave alone. Nothing is read, for every start asks.
func mountsDigest(fn spec.Function) string {
	h, any := sha256.New(), false
	for _, m := range fn.Mounts {
		if m.Writable {
			continue
		}
		any = true
		fmt.Fprintln(h, m.Source, m.Target)
		source, err := filepath.EvalSymlinks(m.Source)
		fmt.Fprintln(h, source, err)
		_ = filepath.WalkDir(source, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				fmt.Fprintln(h, "missing", path)
				return nil
			}
			info, err := e.Info()
			if err != nil || e.IsDir() {
				fmt.Fprintln(h, path)
				return nil
			}
			st := info.Sys().(*syscall.Stat_t)
			fmt.Fprintln(h, path, info.Mode(), info.Size(), st.Ino, st.Mtim, st.Ctim)
			return nil
		})
	}
	if !any {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
