package instance

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestLay: a file is there while the event runs and goes with it; what the instance put in the way leads nowhere.
func TestLay(t *testing.T) {
	dir, outside, source := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(source, []byte("picture"), 0o444); err != nil {
		t.Fatal(err)
	}
	i := &Instance{cfg: Config{Dir: dir}}
	inv := &spec.Invocation{Files: []spec.File{{Name: "a.png", Path: source}}}
	told := 0
	over := func(bool) { told++ }
	undo, err := i.lay(inv, over)
	if err != nil {
		t.Fatal(err)
	}
	laid := filepath.Join(dir, "files", "a.png")
	if b, err := os.ReadFile(laid); err != nil || string(b) != "picture" {
		t.Fatalf("%q %v", b, err)
	}
	if info, _ := os.Stat(laid); info.Mode().Perm() != 0o444 {
		t.Error(info.Mode())
	}
	undo(false)
	if _, err := os.Stat(laid); !os.IsNotExist(err) || told != 1 {
		t.Errorf("%v, told %d times", err, told)
	}
	if b, err := os.ReadFile(source); err != nil || string(b) != "picture" {
		t.Errorf("the upload went too: %q %v", b, err)
	}
	for _, name := range []string{"../x", "", ".", "..", "a/b"} {
		if undo, err = i.lay(&spec.Invocation{Files: []spec.File{{Name: name, Path: source}}}, over); err == nil {
			t.Errorf("%q was laid", name)
		}
		undo(false)
	}
	if err := os.RemoveAll(filepath.Join(dir, "files")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "files")); err != nil {
		t.Fatal(err)
	}
	if _, err := i.lay(inv, over); err == nil {
		t.Error("a link was followed")
	}
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Errorf("outside: %v", left)
	}
	if undo, err = i.lay(&spec.Invocation{}, over); err != nil {
		t.Fatal(err)
	}
	undo(false)
}

// shelved is a box with a folder of its own for the files of events.
type shelved struct {
	Box
	dir string
}

func (s shelved) FilesDir() string { return s.dir }

// TestLayOnTheBoxesShelf: a box that has a folder for them gets the files there; one that has none now, in the instance's own.
func TestLayOnTheBoxesShelf(t *testing.T) {
	dir, shelf, source := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(source, []byte("clip"), 0o444); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{shelf, ""} {
		i := &Instance{cfg: Config{Dir: dir}, box: shelved{dir: at}}
		undo, err := i.lay(&spec.Invocation{Files: []spec.File{{Name: "a.mp4", Path: source}}}, func(bool) {})
		if err != nil {
			t.Fatal(err)
		}
		want := filepath.Join(shelf, "a.mp4")
		if at == "" {
			want = filepath.Join(dir, "files", "a.mp4")
		}
		if b, err := os.ReadFile(want); err != nil || string(b) != "clip" {
			t.Errorf("shelf %q: %q %v", at, b, err)
		}
		undo(false)
		if _, err := os.Stat(want); !os.IsNotExist(err) {
			t.Errorf("shelf %q: it stays: %v", at, err)
		}
	}
}
