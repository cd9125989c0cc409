package spec

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestMountRoots(t *testing.T) {
	top := t.TempDir()
	for _, dir := range []string{"data/run/i1", "data/functions/f/code", "data/functions/other/code", "data/shared", "data2/x", "more/sub", "secret"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"data/out": "../secret", "data/in": "shared", "data/self": "run", "data/functions/f/up": "../other/code"} {
		if err := os.Symlink(to, filepath.Join(top, link)); err != nil {
			t.Fatal(err)
		}
	}
	in := func(p string) string { return filepath.Join(top, p) }
	roots := MountRoots{Data: in("data"), Manifests: in("data/functions"), Own: []string{"run", in("more/sub/none")}, More: []string{in("more")}}
	fn := &Function{Name: "f", Dir: in("data/functions/f")}
	for _, c := range []struct {
		source   string
		writable bool
		ok       bool
	}{
		{in("data/shared"), true, true},
		{in("data/in"), false, true},
		{in("data/functions/f/code"), true, true},
		{in("data/functions/f"), false, true},
		{in("data/functions/f"), true, false},
		{in("more"), false, true},
		{in("more/sub"), true, true},
		{in("data"), false, false},
		{in("data/run"), false, false},
		{in("data/run/i1"), false, false},
		{in("data/self/i1"), false, false},
		{in("data/out"), false, false},
		{in("data/shared/../../secret"), false, false},
		{in("data2/x"), false, false},
		{in("data/functions"), false, false},
		{in("data/functions/other/code"), false, false},
		{in("data/functions/f/up"), false, false},
		{"/etc", false, false},
		{"/", false, false},
		{"/proc/self/root/etc", false, false},
		{top, false, false},
	} {
		root, real, err := roots.Allowed(fn, Mount{Source: c.source, Writable: c.writable})
		if (err == nil) != c.ok {
			t.Errorf("%s, writable %v: %q %q, %v", c.source, c.writable, root, real, err)
		}
	}
	if _, _, err := roots.Allowed(fn, Mount{Source: in("data/none")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing source: %v", err)
	}
	if _, _, err := roots.Allowed(&Function{}, Mount{Source: in("data/functions/f/code")}); err == nil {
		t.Error("a function without a manifest mounts another one's folder")
	}
	if _, err := ParseMountRoots(in("more") + ":" + in("none")); err == nil {
		t.Error("a root that is not there is taken")
	}
	if got, err := ParseMountRoots(in("more") + "::" + in("data")); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}
