package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockPatience is how long a lock is waited for. A control plane that was killed as it started a process is survived for a
// moment by that process, which holds what it inherited until it runs its program.
const lockPatience = 2 * time.Second

// lockData keeps a second control plane off the same data folder. The lock goes with the process, however it ends.
func lockData(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	err = lockSoon(f)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("another videosdgx serve uses %s: stop it, or give this one its own --data", dir)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// lockSoon locks a file, and tries again for lockPatience when somebody else has it.
func lockSoon(f *os.File) error {
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(10 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(deadline) {
			return err
		}
	}
}
