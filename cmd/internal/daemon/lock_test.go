package daemon

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLockIsWaitedFor: what outlives a killed control plane for a moment does not keep the next one from starting; a
// control plane that goes on does.
func TestLockIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	first, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	heir, err := syscall.Dup(int(first.Fd())) // as a process has it between fork and exec
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockData(dir); err == nil || !strings.Contains(err.Error(), "another videosdgx serve uses "+dir) {
		t.Errorf("a second control plane: %v", err)
	}
	first.Close()
	time.AfterFunc(lockPatience/10, func() { syscall.Close(heir) })
	second, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
}
