package device

import (
	"os"
	"path/filepath"
)

// groupVersion says which kind of control groups is mounted.
func groupVersion(root string) string {
	mount := filepath.Join(root, "sys/fs/cgroup")
	if _, err := os.Stat(filepath.Join(mount, "cgroup.controllers")); err == nil {
		return "v2"
	}
	if _, err := os.Stat(filepath.Join(mount, "memory")); err == nil {
		return "v1"
	}
	return "none"
}
