package builder

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

const withFolder = `name: test/folder:latest
entrypoint: [/function/fn]
layers:
  - base: true
  - files: [{from: app, to: /var/task}]
`

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// paths lists what an image holds, links with what they say.
func paths(t *testing.T, dir string, o Options) map[string]string {
	t.Helper()
	r := mutate.Extract(mustBuild(t, dir, o))
	defer r.Close()
	found := map[string]string{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(tr)
		found["/"+strings.TrimSuffix(h.Name, "/")] = h.Linkname + string(b)
	}
}

// TestFolders: all of a folder comes along, links too, but for what is made again and what leads elsewhere.
func TestFolders(t *testing.T) {
	dir, o := recipe(t, withFolder)
	app := filepath.Join(dir, "app")
	put(t, filepath.Join(app, "app.py"), "print(1)")
	put(t, filepath.Join(app, "pkg/deep/x.py"), "2")
	put(t, filepath.Join(app, "pkg/__pycache__/x.pyc"), "3")
	put(t, filepath.Join(app, "pkg/old.pyc"), "4")
	put(t, filepath.Join(dir, "outside.txt"), "5")
	for link, to := range map[string]string{"main.py": "app.py", "shared": "pkg/deep", "copied.txt": "../outside.txt"} {
		if err := os.Symlink(to, filepath.Join(app, link)); err != nil {
			t.Fatal(err)
		}
	}
	found := paths(t, dir, o)
	for path, want := range map[string]string{
		"/var/task/app.py": "print(1)", "/var/task/pkg/deep/x.py": "2", "/var/task/main.py": "app.py", "/var/task/shared": "pkg/deep", "/var/task/copied.txt": "5",
	} {
		if got, there := found[path]; !there || got != want {
			t.Errorf("%s is %q, %v", path, got, there)
		}
	}
	for path := range found {
		if strings.Contains(path, ".pyc") || strings.Contains(path, "__pycache__") {
			t.Errorf("%s came along", path)
		}
	}
	if err := os.Symlink("/etc", filepath.Join(app, "etc")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Build(t.Context(), dir, o); err == nil || !strings.Contains(err.Error(), "leads out of its folder") {
		t.Error(err)
	}
}

// TestExtensionModules bring the libraries that they name by $ORIGIN, where that leads inside, and others.
func TestExtensionModules(t *testing.T) {
	dir, o := recipe(t, withFolder)
	app, lib := filepath.Join(dir, "app"), filepath.Join(dir, "vendor")
	put(t, filepath.Join(app, "app.py"), "")
	put(t, filepath.Join(dir, "a.c"), "int a(void) { return 1; }")
	put(t, filepath.Join(dir, "m.c"), "int a(void); int m(void) { return a(); }")
	for _, d := range []string{lib, filepath.Join(app, "pkg.libs"), filepath.Join(app, "pkg")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	gcc := func(args ...string) {
		t.Helper()
		cmd := exec.Command("gcc", append([]string{"-shared", "-fPIC"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("gcc: %v\n%s", err, out)
		}
	}
	gcc("-o", "app/pkg.libs/liba.so", "a.c", "-Wl,-soname,liba.so")
	gcc("-o", "vendor/libb.so", "a.c", "-Wl,-soname,libb.so")
	gcc("-o", "app/pkg/near.so", "m.c", "app/pkg.libs/liba.so", "-Wl,-rpath,$ORIGIN/../pkg.libs", "-Wl,-soname,near.so")
	gcc("-o", "app/pkg/far.so", "m.c", "-Lvendor", "-lb", "-Wl,-rpath,"+lib)
	found := paths(t, dir, o)
	for _, want := range []string{"/var/task/pkg/near.so", "/var/task/pkg.libs/liba.so", "/var/task/pkg/far.so", lib + "/libb.so"} {
		if _, there := found[want]; !there {
			t.Errorf("%s is missing", want)
		}
	}
	for path := range found {
		if strings.HasSuffix(path, "liba.so") && path != "/var/task/pkg.libs/liba.so" {
			t.Errorf("liba.so is at %s, too", path)
		}
	}
}

// TestShim: behind a script of an interpreter's name lies the interpreter.
func TestShim(t *testing.T) {
	real, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip("NOT TESTED: there is no /usr/bin/python3")
	}
	shims := t.TempDir()
	put(t, filepath.Join(shims, "python3"), "#!/bin/sh\nexec "+real+" \"$@\"\n")
	if err := os.Chmod(filepath.Join(shims, "python3"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", shims+":"+os.Getenv("PATH"))
	got, err := program(t.Context(), "python3")
	if want, _ := filepath.EvalSymlinks(real); err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	put(t, filepath.Join(shims, "node"), "#!/bin/sh\necho no version set >&2; exit 1\n")
	if err := os.Chmod(filepath.Join(shims, "node"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := program(t.Context(), "node"); err == nil || !strings.Contains(err.Error(), "no version set") {
		t.Error(err)
	}
}

// TestCancel: nothing is left of a layout whose maker was told to stop, and what was there stays.
func TestCancel(t *testing.T) {
	dir, o := recipe(t, plain)
	ctx, cancel := context.WithCancel(t.Context())
	r, img, err := Build(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	out := filepath.Join(parent, "layout")
	if err := WriteLayout(img, r.Name, out); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := WriteLayout(img, r.Name, out); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left, _ := os.ReadDir(parent); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	if _, err := os.Stat(filepath.Join(out, "index.json")); err != nil {
		t.Error(err)
	}
	if _, _, err := Build(ctx, dir, o); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
