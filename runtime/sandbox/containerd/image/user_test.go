package image

import (
	"os"
	"path/filepath"
	"testing"
)

func FuzzLookUp(f *testing.F) {
	f.Add("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/:\n", "app", "")
	f.Add("app:x:99999999999:1::/:", "app", "staff")
	f.Add("::::::", "", ":")
	f.Fuzz(func(t *testing.T, passwd, name, group string) {
		dir := t.TempDir()
		must(t, os.Mkdir(filepath.Join(dir, "etc"), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "etc", "passwd"), []byte(passwd), 0o644))
		u, err := lookUp(os.DirFS(dir), name, group)
		if err == nil && u.unprivileged().UID == 0 {
			t.Errorf("%q in %q is root", name, passwd)
		}
	})
}

func TestLookUp(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "etc"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "etc", "passwd"), []byte("root:x:0:0::/:\napp:x:1000:1001::/:\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "etc", "group"), []byte("staff:x:50:\n"), 0o644))
	for _, c := range []struct {
		name, group string
		want        User
	}{{"app", "", User{1000, 1001}}, {"app", "staff", User{1000, 50}}, {"app", "7", User{1000, 7}}, {"1000", "staff", User{1000, 50}}} {
		if got, err := lookUp(os.DirFS(dir), c.name, c.group); err != nil || got != c.want {
			t.Errorf("%s:%s = %v, %v", c.name, c.group, got, err)
		}
	}
	if _, err := lookUp(os.DirFS(dir), "alice", ""); err == nil {
		t.Error("alice is found")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
