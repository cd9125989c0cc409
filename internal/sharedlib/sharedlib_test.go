package sharedlib

import (
	"bytes"
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/videosdgx/videosdgx/internal/sharedlib/sharedlibtest"
)

func TestWhatMustNotBeOpenedIsTold(t *testing.T) {
	own := machines[runtime.GOARCH]
	other := map[string]elf.Machine{"amd64": elf.EM_AARCH64, "arm64": elf.EM_X86_64}[runtime.GOARCH]
	least := sharedlibtest.Least(t, own, 4096)
	program := bytes.Clone(least)
	program[16] = byte(elf.ET_EXEC)
	sections := bytes.Clone(least)
	sections[0x28+4], sections[0x3c], sections[0x3e] = 1, 4, 3 // a table of sections at 4 GiB, as at the end of a file that is cut off
	dir := t.TempDir()
	for name, c := range map[string]struct {
		content []byte
		says    string // all of it, or its beginning before "…"
	}{
		"whole":    {append(bytes.Clone(least), make([]byte, 4096)...), ""},
		"bare":     {sharedlibtest.Least(t, own, 0), ""},
		"cut":      {append(bytes.Clone(least), make([]byte, 100)...), "it is cut off: it has 220 bytes, and says that it has 4216 at least"},
		"head":     {least[:40], "it is cut off, or no shared library (…"},
		"sections": {sections, "it is cut off, or no shared library (…"},
		"program":  {append(program, make([]byte, 4096)...), "it is no shared library"},
		"other":    {sharedlibtest.Least(t, other, 0), "it is a library for " + machine(other) + ", and this machine is " + machine(own)},
		"text":     {[]byte("no library"), "it is no shared library"},
		"none":     {nil, "it is no shared library"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		says(t, path, Check(path), c.says)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		pipe: "it is no file", "/dev/null": "it is no file", dir: "it is a folder, where a file is expected",
		filepath.Join(dir, "nothing"): "it is not there", filepath.Join(dir, "text", "in.so"): "it cannot be read (not a directory)",
	} {
		says(t, path, Check(path), want)
	}
	if err := Check(filepath.Join(dir, "nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
}

func says(t *testing.T, path string, err error, want string) {
	t.Helper()
	begin, more := strings.CutSuffix(want, "…")
	switch {
	case (err == nil) != (want == ""):
		t.Errorf("%s: %v, expected %q", path, err, want)
	case err != nil && (more && !strings.HasPrefix(err.Error(), begin) || !more && err.Error() != want):
		t.Errorf("%s: %v, expected %q", path, err, want)
	}
}

func TestALibraryIsHeldToWhatItIsNamedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own.so")
	if err := os.WriteFile(path, sharedlibtest.Least(t, machines[runtime.GOARCH], 0), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Wants{Is: "engine", Symbol: "Engine"}.Check(path)
	says(t, path, err, "it is no engine (it gives no Engine)")
	_, err = Wants{}.Check(path)
	says(t, path, err, "")
	_, err = Wants{}.Check(path + ".none")
	says(t, path, err, "it is not there")
}

func TestOlder(t *testing.T) {
	for pair, want := range map[[2]string]bool{{"1.9.0", "1.24"}: true, {"1.24", "1.24.0"}: true, {"1.24.1", "1.24"}: false, {"2.0", "1.24"}: false, {"1.24", "1.24"}: false} {
		if older(pair[0], pair[1]) != want {
			t.Errorf("%v: %v", pair, !want)
		}
	}
}
