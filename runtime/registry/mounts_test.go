package registry

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestMountsOfTheManifestsFolder: what lies beside a manifest may be mounted by the function that the manifest describes,
// and by no other, by whichever way the function came.
func TestMountsOfTheManifestsFolder(t *testing.T) {
	r, err := New(Config{Data: t.TempDir(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "code/app.py"), "print(1)")
	put(t, filepath.Join(dir, "function.yaml"), "name: f\nimage: python:3\nmounts: [{source: code, target: /code}]\n")
	fn, err := Read(filepath.Join(dir, "function.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	fn.Dir = "" // as it comes over HTTP
	if got, err := r.Put(context.Background(), fn); err != nil || got.Dir != dir {
		t.Errorf("dir %q, %v", got.Dir, err)
	}
	for name, change := range map[string]func(*spec.Function){
		"another name":     func(f *spec.Function) { f.Name = "g" },
		"another image":    func(f *spec.Function) { f.Image = "evil:1" },
		"another command":  func(f *spec.Function) { f.Command = []string{"/bin/sh"} },
		"writable":         func(f *spec.Function) { f.Mounts[0].Writable = true },
		"one mount more":   func(f *spec.Function) { f.Mounts = append(f.Mounts, spec.Mount{Source: "/etc", Target: "/x"}) },
		"the machine's":    func(f *spec.Function) { f.Mounts[0].Source = "/etc" },
		"around the rules": func(f *spec.Function) { f.Mounts[0].Source += "/../../../../etc" },
	} {
		other := clone(fn)
		change(&other)
		_, err := r.Put(context.Background(), other)
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "mount source") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDigestOfMounts: what a mount shows is part of what an instance is made from.
func TestDigestOfMounts(t *testing.T) {
	data := t.TempDir()
	r, err := New(Config{Data: data, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	code := filepath.Join(data, "code")
	put(t, filepath.Join(code, "app.py"), "print(1)")
	deploy := func() string {
		t.Helper()
		fn, err := r.Put(context.Background(), spec.Function{Name: "f", Image: "python:3", Mounts: []spec.Mount{{Source: code, Target: "/code"}}})
		if err != nil {
			t.Fatal(err)
		}
		return fn.Digest
	}
	seen := map[string]string{deploy(): "the first"}
	for _, change := range []struct {
		name string
		do   func() error
	}{
		{"an edit", func() error { return os.WriteFile(filepath.Join(code, "app.py"), []byte("print(22)"), 0o644) }},
		{"another mode", func() error { return os.Chmod(filepath.Join(code, "app.py"), 0o755) }},
		{"a new file", func() error { return os.WriteFile(filepath.Join(code, "lib.py"), nil, 0o644) }},
		{"a link", func() error { return os.Symlink("/etc/passwd", filepath.Join(code, "link")) }},
		{"a removed file", func() error { return os.Remove(filepath.Join(code, "app.py")) }},
	} {
		if err := change.do(); err != nil {
			t.Fatal(err)
		}
		d := deploy()
		if was, same := seen[d]; same {
			t.Errorf("after %s the digest is that of %s", change.name, was)
		}
		seen[d] = change.name
	}
}

// TestImageThatIsNowhere is refused when it comes through the API, and not asked for again when nothing of it changes.
func TestImageThatIsNowhere(t *testing.T) {
	asked := 0
	r, err := New(Config{Data: t.TempDir(), Log: quiet, Image: func(_ context.Context, ref, _ string) (string, error) {
		asked++
		if ref == "there:1" {
			return "", nil
		}
		return "", errdefs.ErrNotFound
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	commands, err := New(Config{Data: t.TempDir(), Log: quiet, Runs: func(fn spec.Function) error {
		if len(fn.Command) == 0 {
			return fmt.Errorf("serve with --driver containerd: %w", errdefs.ErrInvalidArgument)
		}
		if len(fn.GPUs) > 0 {
			return fmt.Errorf("other devices would do: %w", errdefs.ErrInvalidArgument)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer commands.Close()
	if _, err := commands.Put(context.Background(), spec.Function{Name: "f", Image: "there:1"}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "image: serve with") {
		t.Error(err)
	}
	if _, err := commands.Put(context.Background(), spec.Function{Name: "f", Image: "there:1", Command: []string{"/bin/x"}}); err != nil {
		t.Error(err)
	}
	if _, err := commands.Put(context.Background(), spec.Function{Name: "f", Image: "there:1", Command: []string{"/bin/x"}, GPUs: spec.GPUs{"example.com/gpu=0"}}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "gpus: other devices") {
		t.Error(err)
	}
	if _, err := r.Put(context.Background(), spec.Function{Name: "f", Image: "nowhere:1"}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "image: ") {
		t.Error(err)
	}
	if _, err := r.Put(context.Background(), spec.Function{Name: "f", Command: []string{"/bin/true"}}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "image: ") {
		t.Errorf("a command alone: %v", err)
	}
	for range 2 {
		if _, err := r.Put(context.Background(), spec.Function{Name: "f", Image: "there:1"}); err != nil {
			t.Error(err)
		}
	}
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}
