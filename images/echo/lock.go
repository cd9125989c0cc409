package main

import (
	"errors"
	"os"
	"syscall"
)

// locked are the files whose locks this process keeps until it ends.
var locked []*os.File

// lock takes path's lock for good, as a database does, and says "free", or "held" where somebody has it.
func lock(path string) (any, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return "held", f.Close()
	case err != nil:
		return nil, errors.Join(err, f.Close())
	}
	locked = append(locked, f)
	return "free", nil
}
