package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestMountsDigest: any edit of what is mounted makes another snapshot of it, whether somebody deploys or not, and also one
// that keeps size and time. What the function writes itself does not count.
func TestMountsDigest(t *testing.T) {
	code, data := t.TempDir(), t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	app := filepath.Join(code, "lib", "app.py")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Dir(app), 0o755))
	must(os.WriteFile(app, []byte("v1"), 0o644))
	must(os.Symlink(code, link))
	fn := spec.Function{Mounts: []spec.Mount{{Source: link, Target: "/code"}, {Source: data, Target: "/data", Writable: true}}}
	before := mountsDigest(fn)
	must(os.WriteFile(filepath.Join(data, "out"), nil, 0o644))
	if mountsDigest(fn) != before {
		t.Error("what the function writes changes it")
	}
	st, err := os.Stat(app)
	must(err)
	must(os.WriteFile(app, []byte("v2"), 0o644))
	must(os.Chtimes(app, st.ModTime(), st.ModTime()))
	if mountsDigest(fn) == before {
		t.Error("an edit is not noticed")
	}
	if mountsDigest(spec.Function{}) != "" {
		t.Error("a function without mounts has a digest of them")
	}
}
