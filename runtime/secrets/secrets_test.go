package secrets

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/errdefs"
)

func TestSources(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"in/a": "from a file\n", "cred/b": "a credential", "out/c": "elsewhere", "in/empty": "\n", "in/zero": "a\x00b"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "out/c"), filepath.Join(dir, "in/link")); err != nil {
		t.Fatal(err)
	}
	s := Source{Roots: []string{filepath.Join(dir, "in")}, Credentials: filepath.Join(dir, "cred"), Store: Store{Path: filepath.Join(dir, "store.age"), Identity: filepath.Join(dir, "key")}}
	if err := s.Store.Set("d", "kept"); err != nil {
		t.Fatal(err)
	}
	all, err := s.Of(map[string]string{"A": "file:" + filepath.Join(dir, "in/a"), "B": "credential:b", "D": "store:d"})
	if err != nil || all["A"] != "from a file" || all["B"] != "a credential" || all["D"] != "kept" {
		t.Errorf("%v, %v", all, err)
	}
	for _, ref := range []string{"file:" + filepath.Join(dir, "out/c"), "file:" + filepath.Join(dir, "in/link"), "file:" + filepath.Join(dir, "in/../out/c"), "file:in/a", "file:/etc/shadow",
		"credential:../out/c", "credential:none", "store:none", "plain text", "", "store:", "file:" + filepath.Join(dir, "in/empty"), "file:" + filepath.Join(dir, "in/zero"), "file:" + filepath.Join(dir, "in")} {
		if v, err := s.Get(ref); err == nil {
			t.Errorf("%s gives %q", ref, v)
		}
	}
}

func TestStore(t *testing.T) {
	dir := t.TempDir()
	s := Store{Path: filepath.Join(dir, "store.age"), Identity: filepath.Join(dir, "key")}
	if names, err := s.List(); err != nil || len(names) != 0 {
		t.Errorf("%v, %v", names, err)
	}
	for name, value := range map[string]string{"one": "first-value", "two": "second-value"} {
		if err := s.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{s.Path, s.Identity} {
		b, err := os.ReadFile(path)
		st, serr := os.Stat(path)
		if err != nil || serr != nil || st.Mode().Perm() != 0o600 || strings.Contains(string(b), "first-value") || strings.Contains(string(b), "one") && path == s.Path {
			t.Errorf("%s: %v %v", path, err, serr)
		}
	}
	if err := s.Set("one", ""); err != nil {
		t.Error(err)
	}
	if err := s.Set("one", ""); !errdefs.IsNotFound(err) {
		t.Errorf("%v", err)
	}
	if names, err := s.List(); err != nil || strings.Join(names, " ") != "two" {
		t.Errorf("%v, %v", names, err)
	}
	if err := s.Set("a/b", "x"); !errdefs.IsInvalidArgument(err) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(s.Identity, []byte("AGE-SECRET-KEY-1X"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.get("two"); err == nil || strings.Contains(err.Error(), "AGE-SECRET") {
		t.Errorf("%v", err)
	}
}

// TestRotate: the new identity opens the store, the old one does not, and a run that was ended in the middle harms nothing.
func TestRotate(t *testing.T) {
	dir := t.TempDir()
	s := Store{Path: filepath.Join(dir, "store.age"), Identity: filepath.Join(dir, "key")}
	if _, err := s.Rotate(); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("a store that was never made: %v", err)
	}
	for _, name := range []string{"a", "b"} {
		if err := s.Set(name, "value of "+name); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(s.Identity)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Rotate(); err != nil || n != 2 {
		t.Fatalf("%d, %v", n, err)
	}
	before := Store{Path: s.Path, Identity: filepath.Join(dir, "old")}
	if err := os.WriteFile(before.Identity, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := before.get("a"); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("the old identity opens the store: %v", err)
	}
	now, err := os.ReadFile(s.Identity)
	if err != nil {
		t.Fatal(err)
	}
	// ended after the new identity was written, before the store was
	other := Store{Path: s.Path, Identity: filepath.Join(dir, "other")}
	if err := os.WriteFile(other.Identity, append(append([]byte{}, old...), now...), 0o600); err != nil {
		t.Fatal(err)
	}
	if v, err := other.get("b"); err != nil || v != "value of b" {
		t.Errorf("%q %v", v, err)
	}
	if n, err := other.Rotate(); err != nil || n != 2 {
		t.Errorf("the second run: %d, %v", n, err)
	}
	if v, err := other.get("a"); err != nil || v != "value of a" {
		t.Errorf("%q %v", v, err)
	}
	if b, err := os.ReadFile(other.Identity); err != nil || strings.Count(string(b), "AGE-SECRET-KEY") != 1 {
		t.Errorf("%d identities are left, %v", strings.Count(string(b), "AGE-SECRET-KEY"), err)
	}
}

// TestNoChangeIsLost where several programs change the store at the same time.
func TestNoChangeIsLost(t *testing.T) {
	dir := t.TempDir()
	s := Store{Path: filepath.Join(dir, "store.age"), Identity: filepath.Join(dir, "key")}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if err := s.Set(fmt.Sprint("name-", i), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Go(func() {
		if _, err := s.Rotate(); err != nil && !errdefs.IsFailedPrecondition(err) { // it may be the first
			t.Error(err)
		}
	})
	all.Wait()
	if names, err := s.List(); err != nil || len(names) != 8 {
		t.Errorf("%v %v", names, err)
	}
}
