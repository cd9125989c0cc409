package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// writable asks before a clip is made, which may take an hour, whether it can be saved.
func writable(to string) error {
	if to == "-" {
		return nil
	}
	at := to
	switch info, err := os.Stat(to); {
	case err == nil && info.Mode()&fs.ModeSocket != 0:
		return fmt.Errorf("the clip cannot be saved to %s: it is a socket: give a file", to)
	case err == nil && (info.IsDir() || through(to, info)):
	case err == nil || errors.Is(err, fs.ErrNotExist):
		target, err := behindLinks(to)
		if err != nil {
			return err
		}
		at = filepath.Dir(target) // of "": the working directory
	default:
		return fmt.Errorf("the clip cannot be saved to %s: %w", to, err)
	}
	mode := uint32(unix.W_OK)
	if info, err := os.Stat(at); err == nil && info.IsDir() {
		mode |= unix.X_OK
	}
	if err := unix.Access(at, mode); err != nil {
		return fmt.Errorf("the clip cannot be saved in %s: %w", at, err)
	}
	return nil
}

// through says whether a path is written to as it is: a device, a FIFO, a terminal, or one that stands for an open file.
// Anything else is replaced when the clip is complete, be it in the memory that /dev/shm is.
func through(to string, info fs.FileInfo) bool {
	abs, err := filepath.Abs(to)
	open := func(at string) bool { return strings.HasPrefix(abs, at) }
	return !info.Mode().IsRegular() || err == nil && (open("/dev/fd/") || open("/dev/std") || open("/proc/"))
}

// maxLinks is how many symbolic links the kernel follows.
const maxLinks = 40

// behindLinks gives the file that a path leads to, which need not be there: a link stays a link.
func behindLinks(to string) (string, error) {
	for range maxLinks {
		next, err := os.Readlink(to)
		if err != nil {
			return to, nil //nolint:nilerr // no link, or nothing yet
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(to), next)
		}
		to = next
	}
	return "", fmt.Errorf("%s leads from link to link: give another file", to)
}

// saveClip writes a clip. A regular file gets its new content at once or not at all; one of several names keeps them, and has
// the clip copied into it when it is whole.
func saveClip(to string, clip io.Reader) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("saving the clip to %s: %w", to, err)
		}
	}()
	mode, names := fs.FileMode(0o644), uint64(1)
	if info, err := os.Stat(to); err == nil {
		if through(to, info) {
			return writeThrough(to, clip)
		}
		mode = info.Mode().Perm()
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			names = uint64(st.Nlink)
		}
	}
	target, err := behindLinks(to)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(target), ".videosdgx-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(copyTo(f, clip), f.Chmod(mode), f.Sync()); err != nil {
		return errors.Join(err, f.Close())
	}
	if names > 1 {
		return errors.Join(copyInto(target, f), f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), target)
}

// copyInto gives a file the content of another one, and leaves it the file that it is.
func copyInto(target string, whole *os.File) error {
	if _, err := whole.Seek(0, io.SeekStart); err != nil {
		return err
	}
	f, err := os.OpenFile(target, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	return errors.Join(copyTo(f, whole), f.Sync(), f.Close())
}

// writeThrough waits for a FIFO's reader, as a shell's redirection does. A device may not know how to sync.
func writeThrough(to string, clip io.Reader) error {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	return errors.Join(copyTo(f, clip), f.Close())
}

func copyTo(w io.Writer, r io.Reader) error {
	_, err := io.Copy(w, r)
	return err
}
