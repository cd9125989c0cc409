package backup

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

func TestListsThatNoBackupWasMadeWithAreRefused(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	file := func(name string) File { return File{Name: name, SHA256: sum} }
	for name, files := range map[string][]File{
		"up":                 {file("data/../../etc/cron")},
		"absolute":           {file("/etc/cron")},
		"empty":              {file("")},
		"the place itself":   {file(".")},
		"twice":              {file("data/x"), file("data/x")},
		"in a file":          {file("data/x"), file("data/x/y")},
		"through a link":     {file("data/x/y"), {Name: "data/x", Link: "/etc"}},
		"negative":           {{Name: "data/x", SHA256: sum, Size: -1}},
		"more than can be":   {{Name: "data/x", SHA256: sum, Size: math.MaxInt64}, {Name: "data/y", SHA256: sum, Size: 1}},
		"no digest":          {{Name: "data/x"}},
		"a digest of a path": {{Name: "data/x", SHA256: "../../../../etc/shadow"}},
	} {
		if err := (Backup{Files: files}).check(); !errdefs.IsDataLoss(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (Backup{Files: []File{{Name: "data", Folder: true}, file("data/x"), {Name: "data/l", Link: "x"}}}).check(); err != nil {
		t.Error(err)
	}
}

// What is waited for, never ends or lies elsewhere is no content.
func TestContentsAreRegularFiles(t *testing.T) {
	_, sources := world(t)
	r := open(t, filepath.Join(t.TempDir(), "repo"), Options{})
	m, err := r.Create(t.Context(), Backup{}, sources)
	if err != nil {
		t.Fatal(err)
	}
	path := ""
	for _, f := range m.Files {
		if f.Name == "outputs/x.mp4" {
			path = r.object(f.SHA256)
		}
	}
	for name, replace := range map[string]func() error{
		"pipe":    func() error { return syscall.Mkfifo(path, 0o600) },
		"endless": func() error { return os.Symlink("/dev/zero", path) },
		"folder":  func() error { return os.Mkdir(path, 0o700) },
	} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := replace(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			lost, err := r.Verify(t.Context(), m.Backup)
			if err == nil && len(lost) == 0 {
				t.Errorf("%s: nothing is lost", name)
			}
			done <- err
		}()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s: it is waited for", name)
		}
	}
}
