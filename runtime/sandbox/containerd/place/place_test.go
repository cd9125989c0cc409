package place

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func root(t *testing.T) string {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: mounting needs root")
	}
	dir := t.TempDir()
	for _, d := range []string{"root/in/sub", "out"} {
		must(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	must(t, os.WriteFile(filepath.Join(dir, "out/secret"), []byte("x"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "root/in/file"), []byte("y"), 0o644))
	must(t, os.Symlink("../out", filepath.Join(dir, "root/up")))
	must(t, os.Symlink("in", filepath.Join(dir, "root/down")))
	must(t, os.Symlink("/", filepath.Join(dir, "root/abs")))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPin(t *testing.T) {
	dir := root(t)
	for _, c := range []struct {
		rel string
		ok  bool
	}{
		{"in", true}, {"in/file", true}, {"down/sub", true}, {".", true},
		{"up", false}, {"up/secret", false}, {"abs", false}, {"abs/etc", false}, {"../out", false}, {"in/../../out", false}, {"none", false},
	} {
		at := filepath.Join(t.TempDir(), "at")
		err := Pin(filepath.Join(dir, "root"), c.rel, at, nil)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.rel, err)
		}
		if err == nil {
			must(t, unix.Unmount(at, unix.MNT_DETACH))
		}
	}
}

// TestPinHolds: what is put in the source's place after it was pinned is not what is seen.
func TestPinHolds(t *testing.T) {
	dir := root(t)
	at := filepath.Join(t.TempDir(), "at")
	must(t, Pin(filepath.Join(dir, "root"), "in", at, nil))
	defer func() { must(t, unix.Unmount(at, unix.MNT_DETACH)) }()
	must(t, os.Rename(filepath.Join(dir, "root/in"), filepath.Join(dir, "root/moved")))
	must(t, os.Symlink("../out", filepath.Join(dir, "root/in")))
	if _, err := os.Stat(filepath.Join(at, "file")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(at, "secret")); err == nil {
		t.Error("the place leads elsewhere")
	}
}
