package bundle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/functions/inference/compile"
)

// workshop is the folder in which a bundle is made. Its lock is held by one build at a time, and let go by the kernel.
type workshop struct {
	dir  string
	lock *os.File
}

func openWorkshop(bundle, key string) (*workshop, error) {
	w := &workshop{dir: filepath.Join(filepath.Dir(bundle), "."+filepath.Base(bundle)+".building")}
	for w.lock == nil {
		if err := w.enter(bundle); err != nil {
			return nil, err
		}
	}
	if err := w.prepare(key); err != nil {
		return nil, errors.Join(err, w.lock.Close())
	}
	return w, nil
}

// enter takes the lock; it leaves it nil where the build that held it has removed the folder meanwhile.
func (w *workshop) enter(bundle string) error {
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return fmt.Errorf("make a folder for the new bundle: %w", err)
	}
	path := filepath.Join(w.dir, "lock")
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make a folder for the new bundle: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return fmt.Errorf("%s is being built already; wait for that build, or choose another output folder: %w", bundle, errdefs.ErrUnavailable)
	}
	if !isAt(lock, path) {
		return lock.Close()
	}
	w.lock = lock
	return nil
}

// isAt says whether f is the file that lies at path now.
func isAt(f *os.File, path string) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(have, there)
}

func (w *workshop) fresh() string   { return filepath.Join(w.dir, "new") }
func (w *workshop) journal() string { return filepath.Join(w.dir, "journal") }
func (w *workshop) key() string     { return filepath.Join(w.dir, "key") }

// prepare keeps the weights that a build with the same key has left, and throws away anything else: graphs are written anew,
// and a killed build leaves files of the optimiser's. The key goes first: who is killed while clearing leaves nothing to go on from.
func (w *workshop) prepare(key string) error {
	have, err := os.ReadFile(w.key())
	if _, there := os.Stat(w.fresh()); err == nil && there == nil && key != "" && string(have) == key {
		return w.keepWeights()
	}
	if err := errors.Join(os.RemoveAll(w.key()), os.RemoveAll(w.fresh()), os.RemoveAll(w.journal())); err != nil {
		return fmt.Errorf("clear what an earlier build has left: %w", err)
	}
	if err := os.Mkdir(w.fresh(), 0o755); err != nil {
		return err
	}
	return os.WriteFile(w.key(), []byte(key), 0o600)
}

func (w *workshop) keepWeights() error {
	entries, err := os.ReadDir(w.fresh())
	if err != nil {
		return fmt.Errorf("see what an earlier build has left: %w", err)
	}
	for _, e := range entries {
		if e.Name() == compile.DataName {
			continue
		}
		if err := os.RemoveAll(filepath.Join(w.fresh(), e.Name())); err != nil {
			return fmt.Errorf("clear what an earlier build has left: %w", err)
		}
	}
	return nil
}

// deliver puts the new bundle in dir's place at once: whoever looks sees the old one or the new one. The old one is left in the
// workshop, which is nobody's to go on from any more.
func (w *workshop) deliver(dir string) error {
	if err := os.Remove(w.key()); err != nil {
		return fmt.Errorf("put the new bundle in its place: %w", err)
	}
	err := unix.Renameat2(unix.AT_FDCWD, w.fresh(), unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE)
	if err == nil {
		return nil
	}
	if !errors.Is(err, os.ErrNotExist) { // a file system that cannot exchange
		if err := os.Rename(dir, filepath.Join(w.dir, "old")); err != nil {
			return fmt.Errorf("move the old bundle away: %w", err)
		}
	}
	return os.Rename(w.fresh(), dir)
}

// close ends the build: after a failure with something to go on from, the folder stays. A checkpoint that cannot be built from
// leaves nothing: it would fail again.
func (w *workshop) close(failed error) error {
	defer w.lock.Close()
	if failed != nil && !errdefs.IsInvalidArgument(failed) && !errdefs.IsNotImplemented(failed) && !errdefs.IsDataLoss(failed) {
		key, _ := os.ReadFile(w.key())
		if st, err := os.Stat(w.journal()); err == nil && st.Size() > 0 && len(key) > 0 {
			return nil
		}
	}
	return os.RemoveAll(w.dir)
}
