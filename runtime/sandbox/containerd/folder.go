package containerd

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
)

// handOver gives the instance's folder, and what lies in it, to the user that init runs as: it makes its socket there.
func handOver(dir string, u user) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("instance folder: %w (%w)", err, errdefs.ErrNotFound)
	}
	for _, e := range entries {
		if err := os.Lchown(filepath.Join(dir, e.Name()), int(u.UID), int(u.GID)); err != nil {
			return fmt.Errorf("instance folder: %w", err)
		}
	}
	if err := os.Lchown(dir, int(u.UID), int(u.GID)); err != nil {
		return fmt.Errorf("instance folder: %w", err)
	}
	return nil
}

// touch makes the log before the shim does, for root's eyes only.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("instance log: %w", err)
	}
	return f.Close()
}
