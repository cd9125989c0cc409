package registry

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestCodeOfTheSameSizeAndTime is another function's all the same: what unpacks or copies files gives them the times it likes.
func TestCodeOfTheSameSizeAndTime(t *testing.T) {
	dir, at := t.TempDir(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	fn := spec.Function{Name: "f", Image: "i", Mounts: []spec.Mount{{Source: dir, Target: "/code"}}}
	h := &hasher{files: map[string]fileHash{}}
	seen := map[string]string{}
	for _, text := range []string{"return 1", "return 2"} {
		path := filepath.Join(dir, "h.py")
		if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path+".new", at, at); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		d, _, err := h.digest(fn)
		if err != nil {
			t.Fatal(err)
		}
		if was, same := seen[d]; same {
			t.Errorf("%q has the digest of %q", text, was)
		}
		seen[d] = text
	}
}
