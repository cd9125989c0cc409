package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// hostile lays a list into a repository that has one content, under the id that it would have.
func hostile(t *testing.T, dir string, text []byte) (*Repo, string) {
	t.Helper()
	sum := sha256.Sum256(text)
	id := "20260101T000000.000000Z-" + hex.EncodeToString(sum[:8])
	content := sha256.Sum256([]byte("content"))
	name := hex.EncodeToString(content[:])
	for path, raw := range map[string][]byte{filepath.Join(listDir, id+".json"): text, filepath.Join(objectDir, name[:2], name): []byte("content")} {
		to := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r, id
}

// FuzzList: whatever a list says, with the right digest, nothing is written outside the places of its restore.
func FuzzList(f *testing.F) {
	const content = `ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73`
	for _, files := range []string{
		`{"name":"data","folder":true,"mode":448},{"name":"data/a","size":7,"sha256":"` + content + `","mode":384,"time":"2026-01-01T00:00:00Z"},{"name":"data/l","link":"a"}`,
		`{"name":"data/d","link":"../.."},{"name":"data/d/x","size":7,"sha256":"` + content + `"}`,
		`{"name":"models","link":"/"},{"name":"models/../x","size":7,"sha256":"` + content + `"}`,
		`{"name":"data/s","size":7,"sha256":"` + content + `","mode":8388608}`,
	} {
		f.Add([]byte(`{"made":"2026-01-01T00:00:00Z","files":[` + files + `]}`))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		r, id := hostile(t, filepath.Join(dir, "repo"), text)
		b, err := r.Get(id)
		if err != nil {
			if !errdefs.IsDataLoss(err) {
				t.Fatal(err)
			}
			return
		}
		at := filepath.Join(dir, "at")
		root, models := filepath.Join(at, "root"), filepath.Join(at, "models")
		err = r.Restore(t.Context(), b, root, []Place{{"data", root}, {"models", models}})
		if err == nil && Unfinished(root) {
			t.Error("it ended and has not")
		}
		for _, place := range []string{dir, at} {
			entries, err := os.ReadDir(place)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if !strings.Contains(" repo at root models ", " "+e.Name()+" ") {
					t.Errorf("%s was written outside", e.Name())
				}
			}
		}
		_ = filepath.WalkDir(at, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if st, err := d.Info(); err == nil && st.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeDevice) != 0 {
				t.Errorf("%s has the mode %s", path, st.Mode())
			}
			return nil
		})
	})
}
