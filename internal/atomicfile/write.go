// Package atomicfile writes files that are whole or as they were, whatever happens meanwhile. Standard library only.
package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The names of files that are being written begin and end so; one that is left over belongs to nobody.
const (
	Prefix = ".partial-"
	Suffix = ".tmp"
)

// Write makes path hold data, with these permissions, or stay as it was, also across a power cut: once it has returned
// without an error the new content is on the disk.
func Write(path string, data []byte, perm fs.FileMode) error {
	return Fill(path, perm, whole(data))
}

// Fill is Write of what fill writes.
func Fill(path string, perm fs.FileMode, fill func(w io.Writer) error) error {
	if err := replace(path, perm, fill, (*os.File).Sync); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// Replace is Write for what does not outlive the machine's run: whoever reads finds the one content or the other, but what a
// power cut leaves is not said. It waits for no disk.
func Replace(path string, data []byte, perm fs.FileMode) error {
	return replace(path, perm, whole(data), func(*os.File) error { return nil })
}

func whole(data []byte) func(w io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

func replace(path string, perm fs.FileMode, fill func(w io.Writer) error, settle func(f *os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), Prefix+filepath.Base(path)+"-*"+Suffix)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err = fill(f); err == nil {
		err = errors.Join(f.Chmod(perm), settle(f))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
