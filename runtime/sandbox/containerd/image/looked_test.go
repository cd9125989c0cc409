package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

// TestALayoutIsReadAgainWhenItChanges: an unchanged one is not, whoever asks.
func TestALayoutIsReadAgainWhenItChanges(t *testing.T) {
	s := New(nil, nil, nil)
	dir := hostile{}.write(t)
	resolve := func() (string, error) { return s.Resolve(t.Context(), "oci:"+dir) }
	first, err := resolve()
	if err != nil || first == "" {
		t.Fatal(first, err)
	}
	mark := func() {
		l := s.looked.all[dir]
		l.digest = "remembered"
		s.looked.all[dir] = l
	}
	mark()
	if got, err := resolve(); got != "remembered" || err != nil {
		t.Errorf("an unchanged layout was read again: %s, %v", got, err)
	}
	files, err := filepath.Glob(dir + "/blobs/sha256/*")
	must(t, err)
	for _, f := range append(files, filepath.Join(dir, "index.json"), filepath.Join(dir, "oci-layout")) {
		text, err := os.ReadFile(f)
		must(t, err)
		mark()
		must(t, os.Remove(f))
		if got, _ := resolve(); got == "remembered" {
			t.Errorf("%s is gone, and the layout was not read again", filepath.Base(f))
		}
		must(t, os.WriteFile(f, text, 0o644))
		if got, err := resolve(); got != first || err != nil {
			t.Errorf("with %s again: %s, %v", filepath.Base(f), got, err)
		}
	}
	must(t, os.RemoveAll(dir))
	if _, err := resolve(); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), dir) {
		t.Error(err)
	}
}

// TestAnArchiveOfTheSameSizeAndTime is another one: what unpacks or copies files gives them the times it likes.
func TestAnArchiveOfTheSameSizeAndTime(t *testing.T) {
	s, path := New(nil, nil, nil), archiveOf(t, hostile{}.write(t))
	text, err := os.ReadFile(path)
	must(t, err)
	seen, at := map[string]string{}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, what := range []string{"the first", "renamed over it", "written in place", "written in place again"} {
		to := path
		if what == "renamed over it" {
			to += ".new"
		}
		must(t, os.WriteFile(to, text, 0o644))
		must(t, os.Chtimes(to, at, at))
		must(t, os.Rename(to, path))
		d, err := s.Resolve(t.Context(), "oci:"+path)
		if was := seen[d]; err != nil || was != "" {
			t.Errorf("%s: the digest of %q, %v", what, was, err)
		}
		if again, err := s.Resolve(t.Context(), "oci:"+path); again != d || err != nil {
			t.Errorf("%s: %s, then %s, %v", what, d, again, err)
		}
		seen[d] = what
	}
}

func BenchmarkResolve(b *testing.B) {
	ref := "oci:" + hostile{}.write(b)
	ask := func(b *testing.B, s *Store) {
		if _, err := s.Resolve(b.Context(), ref); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("known", func(b *testing.B) {
		s := New(nil, nil, nil)
		for b.Loop() {
			ask(b, s)
		}
	})
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			ask(b, New(nil, nil, nil))
		}
	})
}
