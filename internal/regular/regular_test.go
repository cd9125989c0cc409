package regular

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(at("file"), []byte("x"), 0o600), os.Symlink("file", at("link")), os.Mkdir(at("folder"), 0o700),
		syscall.Mkfifo(at("pipe"), 0o600), os.Symlink("/dev/zero", at("endless")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, here := range map[string]bool{"file": true, "link": false} {
		f, err := Open(at(name))
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := io.ReadAll(f); string(raw) != "x" || err != nil {
			t.Errorf("%s: %q, %v", name, raw, err)
		}
		f.Close()
		f, err = OpenHere(at(name))
		if (err == nil) != here {
			t.Errorf("%s here: %v", name, err)
		}
		f.Close()
	}
	for _, name := range []string{"folder", "pipe", "endless"} {
		for _, open := range []func(string) (*os.File, error){Open, OpenHere} {
			began := time.Now()
			_, err := open(at(name))
			if not := (*Error)(nil); !errors.As(err, &not) || not.Mode.IsRegular() || time.Since(began) > time.Minute {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := Open(at("none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	for name, want := range map[string]string{
		"none": "it is not there", "folder": "it is a folder, where a file is expected", "pipe": "it is no file", "endless": "it is no file",
		"file/in": "it cannot be read (not a directory)",
	} {
		if _, err := Open(at(name)); err == nil || Fault(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
