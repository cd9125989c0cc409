package instance

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// lay puts an event's files into the instance's folder, and has over take them away again. The folder is the instance's own,
// which may have put anything there: nothing is followed out of it.
func (i *Instance) lay(inv *spec.Invocation, over func(bool)) (func(bool), error) {
	if len(inv.Files) == 0 {
		return over, nil
	}
	dir, err := i.filesDir()
	if err != nil {
		return over, fmt.Errorf("the folder for the files of events: %w", err)
	}
	undo := func(replace bool) {
		for _, f := range inv.Files {
			unix.Unlinkat(dir, f.Name, 0) //nolint:errcheck // it goes with the instance at the latest
		}
		unix.Close(dir) //nolint:errcheck // a folder
		over(replace)
	}
	for _, f := range inv.Files {
		if err := layOne(dir, f); err != nil {
			return undo, fmt.Errorf("a file of the event cannot be laid beside it: %w", err)
		}
	}
	return undo, nil
}

// filesDir opens the folder: the box's, or the instance's own, which is made if need be.
func (i *Instance) filesDir() (int, error) {
	if s, ok := i.box.(Shelf); ok {
		if dir := s.FilesDir(); dir != "" {
			return unix.Open(dir, asFolder, 0)
		}
	}
	return ownFilesDir(i.cfg.Dir)
}

const asFolder = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

func ownFilesDir(instance string) (int, error) {
	root, err := unix.Open(instance, asFolder, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(root) //nolint:errcheck // a folder
	if err := unix.Mkdirat(root, wire.FilesDir, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return -1, err
	}
	return unix.Openat(root, wire.FilesDir, asFolder, 0)
}

// layOne links a file, or copies it where it lies on another file system. The link's own mode keeps it read-only.
func layOne(dir int, f spec.File) error {
	if f.Name == "" || f.Name == "." || f.Name == ".." || len(f.Name) > 255 || containsSlash(f.Name) {
		return fmt.Errorf("%q is no file's name: %w", f.Name, errdefs.ErrInvalidArgument)
	}
	if err := unix.Unlinkat(dir, f.Name, 0); err != nil && !errors.Is(err, unix.ENOENT) { // of an attempt before
		return err
	}
	err := unix.Linkat(unix.AT_FDCWD, f.Path, dir, f.Name, 0)
	if errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EPERM) {
		return copyInto(dir, f)
	}
	return err
}

func containsSlash(name string) bool {
	for i := range len(name) {
		if name[i] == '/' || name[i] == 0 {
			return true
		}
	}
	return false
}

func copyInto(dir int, f spec.File) error {
	from, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer from.Close()
	fd, err := unix.Openat(dir, f.Name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o444)
	if err != nil {
		return err
	}
	to := os.NewFile(uintptr(fd), f.Name)
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}
