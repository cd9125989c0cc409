package criu

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMountOver puts a file over another one and takes it away again.
func TestMountOver(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("VIDEOSDGX_TEST_CRIU") == "1" {
			t.Fatal("VIDEOSDGX_TEST_CRIU=1, but this is not root")
		}
		t.Skip("NOT TESTED: mounts need root (set VIDEOSDGX_TEST_CRIU=1 to make this a failure)")
	}
	place := filepath.Join(t.TempDir(), "criu.kdat")
	if err := mountOver(place, []byte("found")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(place); err != nil || string(b) != "found" || !isTmpfs(place) {
		t.Errorf("%q, %v", b, err)
	}
	if err := unix.Unmount(place, 0); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(place); err != nil || len(b) != 0 {
		t.Errorf("below it: %q, %v", b, err)
	}
}
