package registry

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestFilesOfTheSameSizeAndTime make another function all the same, however large they are and whatever they are to it: what
// unpacks or copies files gives them the times it likes. What did not change does not.
func TestFilesOfTheSameSizeAndTime(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "h.py")
	h := &hasher{files: map[string]fileHash{}}
	digest := func(fn spec.Function) string {
		t.Helper()
		d, _, err := h.digest(fn)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, size := range []int{10, smallFile, smallFile + 1} {
		for what, fn := range map[string]spec.Function{
			"mounted":  {Name: "f", Image: "i", Mounts: []spec.Mount{{Source: dir, Target: "/code"}}},
			"archive":  {Name: "f", Image: "oci:" + path},
			"tagged":   {Name: "f", Image: "oci:" + path + ":v1"},
			"argument": {Name: "f", Command: []string{"/bin/true", path}},
		} {
			replace(t, path, bytes.Repeat([]byte{'1'}, size))
			one, again := digest(fn), digest(fn)
			replace(t, path, bytes.Repeat([]byte{'2'}, size))
			if two := digest(fn); one != again || one == two {
				t.Errorf("%s file of %d bytes: digests %s, %s, and of another %s", what, size, one, again, two)
			}
			write(t, path, bytes.Repeat([]byte{'3'}, size))
			if three := digest(fn); three == one || three == digest(spec.Function{}) {
				t.Errorf("%s file of %d bytes: written in place it has the digest of what it was", what, size)
			}
		}
	}
}

// replace puts a file where another was, which stays seen by who has it open.
func replace(t *testing.T, path string, text []byte) {
	t.Helper()
	write(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}
