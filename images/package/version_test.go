package pkgfiles

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVersionsOfPackagesAreInOrder: each commit and each tag makes a package that dpkg takes for a newer one than those before.
func TestVersionsOfPackagesAreInOrder(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "images", "package", "version.sh")
	b, err := os.ReadFile("version.sh")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(script), 0o755)
	}
	if err == nil {
		err = os.WriteFile(script, b, 0o755) //nolint:gosec // a program
	}
	if err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	version := func() string {
		t.Helper()
		cmd := exec.Command("sh", script)
		cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	all := []string{version()}
	git("init", "-q")
	commit := func() { git("commit", "-q", "--allow-empty", "-m", "x") }
	for range 11 { // of which the tenth is after the ninth
		commit()
		all = append(all, version())
	}
	for _, tag := range []string{"v0.1.0-rc.1", "v0.1.0-rc.2", "v0.1.0", "v0.9.0", "v0.10.0-rc.1", "v0.10.0", "v1.9.0", "v1.10.0"} {
		commit()
		git("tag", "-m", tag, tag)
		all = append(all, version())
		commit()
		all = append(all, version())
	}
	if all[12] != "0.1.0~rc.1" || all[16] != "0.1.0" || !strings.HasPrefix(all[17], "0.1.0+1.g") {
		t.Errorf("%q", all)
	}
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Log("no dpkg here: the order is not compared")
		return
	}
	for i, v := range all[1:] {
		if out, err := exec.Command("dpkg", "--compare-versions", all[i], "lt", v).CombinedOutput(); err != nil {
			t.Errorf("dpkg has %s not before %s: %s", all[i], v, out)
		}
	}
}
