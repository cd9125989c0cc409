package bundle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// workshop is the folder in which a bundle is made. Its lock is held by one build at a time, and let go by the kernel.
type workshop struct {
	dir  string
	lock *os.File
}

func openWorkshop(bundle, key string) (*workshop, error) {
	w := &workshop{dir: filepath.Join(filepath.Dir(bundle), "."+filepath.Base(bundle)+".building")}
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder for the new bundle: %w", err)
	}
	var err error
	if w.lock, err = os.OpenFile(filepath.Join(w.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, fmt.Errorf("make a folder for the new bundle: %w", err)
	}
	if err := unix.Flock(int(w.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		w.lock.Close()
		return nil, fmt.Errorf("%s is being built already; wait for that build, or choose another output folder: %w", bundle, errdefs.ErrUnavailable)
	}
	return w, w.prepare(key)
}

func (w *workshop) fresh() string   { return filepath.Join(w.dir, "new") }
func (w *workshop) journal() string { return filepath.Join(w.dir, "journal") }
func (w *workshop) key() string     { return filepath.Join(w.dir, "key") }

// prepare keeps what a build with the same key has left, and throws away anything else.
func (w *workshop) prepare(key string) error {
	if have, err := os.ReadFile(w.key()); err == nil && key != "" && string(have) == key {
		return nil
	}
	if err := errors.Join(os.RemoveAll(w.fresh()), os.RemoveAll(w.journal()), os.RemoveAll(w.key())); err != nil {
		return fmt.Errorf("clear what an earlier build has left: %w", err)
	}
	if err := os.Mkdir(w.fresh(), 0o755); err != nil {
		return err
	}
	return os.WriteFile(w.key(), []byte(key), 0o600)
}

// close ends the build: after a failure with something to go on from, the folder stays.
func (w *workshop) close(failed error) error {
	defer w.lock.Close()
	if failed != nil {
		key, _ := os.ReadFile(w.key())
		if st, err := os.Stat(w.journal()); err == nil && st.Size() > 0 && len(key) > 0 {
			return nil
		}
	}
	return os.RemoveAll(w.dir)
}
