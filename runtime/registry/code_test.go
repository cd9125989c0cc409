package registry

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestDeployedAgainWithOtherCode: the same manifest is another function once what it runs has been edited or built anew,
// and the same one as long as only its own data have changed.
func TestDeployedAgainWithOtherCode(t *testing.T) {
	dir := t.TempDir()
	layout := filepath.Join(dir, "image")
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	write("bootstrap", "#!/bin/sh\n")
	write("handler.py", "1")
	write("main.conf", "1")
	write("image/index.json", "{}")
	program := spec.Function{Name: "p", Command: []string{filepath.Join(dir, "bootstrap"), "main.conf"}, WorkDir: dir}
	image := spec.Function{Name: "i", Image: "oci:" + layout}
	for _, c := range []struct {
		fn    spec.Function
		file  string
		other bool
	}{
		{program, "bootstrap", true},
		{program, "handler.py", true},
		{program, "lib/deep/names.js", true},
		{program, "main.conf", true},
		{program, "state.db", false},
		{program, ".git/hooks/x.sh", false},
		{image, "image/index.json", true},
		{image, "handler.py", false},
	} {
		h := &hasher{files: map[string]fileHash{}}
		before, _, err := h.digest(c.fn)
		if err != nil {
			t.Fatal(err)
		}
		write(c.file, "other "+c.file)
		if after, _, err := h.digest(c.fn); err != nil || (after != before) != c.other {
			t.Errorf("%s of %s: digest changed: %v, want %v; %v", c.file, c.fn.Name, after != before, c.other, err)
		}
	}
}

// TestBesideASystemsProgram nothing is a function's: an interpreter's neighbours are not looked through for each function that
// it runs, but its arguments' files are.
func TestBesideASystemsProgram(t *testing.T) {
	dir, own := t.TempDir(), t.TempDir()
	was := systems
	systems = []string{dir}
	t.Cleanup(func() { systems = was })
	fn := spec.Function{Name: "p", Command: []string{filepath.Join(dir, "python3"), filepath.Join(own, "main.py")}}
	digest := func(write string) string {
		t.Helper()
		if err := os.WriteFile(write, []byte(write), 0o600); err != nil {
			t.Fatal(err)
		}
		is, _, err := (&hasher{files: map[string]fileHash{}}).digest(fn)
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	first := digest(fn.Command[0])
	if digest(filepath.Join(dir, "pip.py")) != first {
		t.Error("the interpreter's neighbour is taken for the function's code")
	}
	if digest(fn.Command[1]) == first {
		t.Error("the function's own file is not")
	}
}
