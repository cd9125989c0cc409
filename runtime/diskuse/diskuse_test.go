package diskuse

import (
	"os"
	"path/filepath"
	"testing"
)

func TestEveryFileCountsOnce(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	const size = 256 << 10
	for _, name := range []string{"a/one", "b/two", "b/left/three"} {
		if err := os.MkdirAll(filepath.Dir(in(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(in(name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(in("a/one"), in("b/one too")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(in("b/two"), in("a/points")); err != nil {
		t.Fatal(err)
	}
	sparse, err := os.Create(in("a/sparse"))
	if err != nil {
		t.Fatal(err)
	}
	defer sparse.Close()
	if err := sparse.Truncate(1 << 40); err != nil {
		t.Fatal(err)
	}
	got, err := Of([]string{in("a"), in("b"), in("none")}, in("b/left"))
	if err != nil || got < 2*size || got > 2*size+64<<10 {
		t.Errorf("%d bytes, want about %d: %v", got, 2*size, err)
	}
	if free, all, err := Disk(dir); err != nil || free < 0 || all <= 0 || free > all {
		t.Errorf("%d of %d free: %v", free, all, err)
	}
	if _, _, err := Disk(in("none")); err == nil {
		t.Error("a folder that is not there has a disk")
	}
}
