package criu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// cache is where CRIU keeps what it has found out about the kernel.
const cache = "/run/criu.kdat"

// KeepFeatures lets CRIU keep what it finds out about the kernel. It does so by itself where /run is a tmpfs, so that the
// file cannot outlive the kernel it tells of. Elsewhere, in most containers, it would try out every feature again at every
// dump and restore, which takes several times as long as the restore itself: there the file is made here, in a tmpfs of its
// own that is mounted on the file's place. It goes with the machine, or with the next call.
func KeepFeatures(ctx context.Context, path string) error {
	if isTmpfs(filepath.Dir(cache)) {
		return nil
	}
	var err error
	for err == nil { // two control planes that start at once may both have mounted
		err = unix.Unmount(cache, unix.MNT_DETACH)
	}
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "unmount", Path: cache, Err: err}
	}
	found, err := findOut(ctx, path)
	if err != nil {
		return err
	}
	return mountOver(cache, found)
}

func isTmpfs(dir string) bool {
	var s unix.Statfs_t
	return unix.Statfs(dir, &s) == nil && s.Type == unix.TMPFS_MAGIC
}

// findOut has CRIU look at the kernel, in a mount namespace in which /run is a tmpfs, and gives the file it makes.
func findOut(ctx context.Context, path string) ([]byte, error) {
	const script = `mount -t tmpfs -o mode=700 tmpfs /run && "$0" check >&2 && cat ` + cache
	cmd := exec.CommandContext(ctx, "sh", "-c", script, path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("criu check: %s: %w", bytes.TrimSpace(said.Bytes()), err)
	}
	return out, nil
}

// mountOver puts a file with this content, in memory, over a place.
func mountOver(place string, content []byte) (err error) {
	dir, err := os.MkdirTemp("", "videosdgx-criu-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(dir)) }()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size=64k"); err != nil {
		return &os.PathError{Op: "mount", Path: dir, Err: err}
	}
	defer func() { err = errors.Join(err, unix.Unmount(dir, unix.MNT_DETACH)) }()
	file := filepath.Join(dir, filepath.Base(place))
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(place, nil, 0o600); err != nil {
		return err
	}
	if err := unix.Mount(file, place, "", unix.MS_BIND, ""); err != nil {
		return &os.PathError{Op: "mount", Path: place, Err: err}
	}
	return nil
}
