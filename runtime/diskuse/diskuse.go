// Package diskuse says how much of a disk folders use.
package diskuse

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// file is one on its disk, however many names it has.
type file struct{ dev, ino uint64 }

// Of gives the bytes on the disk of the files in folders, each once whatever its names and folders; the folders in skip are
// left out. What is not there, or goes meanwhile, uses nothing.
func Of(dirs []string, skip ...string) (bytes int64, err error) {
	seen := map[file]bool{}
	for _, dir := range dirs {
		werr := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if d != nil && d.IsDir() && slices.Contains(skip, path) {
				return fs.SkipDir
			}
			if err != nil || !d.Type().IsRegular() {
				return gone(err)
			}
			info, err := d.Info()
			if err != nil {
				return gone(err)
			}
			st, ok := info.Sys().(*syscall.Stat_t)
			if !ok {
				bytes += info.Size()
				return nil
			}
			if at := (file{uint64(st.Dev), st.Ino}); !seen[at] { //nolint:unconvert // its type is another's on other machines
				seen[at] = true
				bytes += st.Blocks * 512
			}
			return nil
		})
		if werr != nil {
			err = errors.Join(err, fmt.Errorf("how much %s uses cannot be told: %w", dir, werr))
		}
	}
	return bytes, err
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Disk gives the bytes of the disk that a folder lies on, and how many of them are free.
func Disk(dir string) (free, size int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, fmt.Errorf("asking how much space is free under %s: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize, nil
}
