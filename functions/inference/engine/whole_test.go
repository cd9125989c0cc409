package engine

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestALibraryThatIsNotWholeIsToldBeforeItIsOpened(t *testing.T) {
	self, err := os.Executable() // any ELF will do
	if err != nil {
		t.Fatal(err)
	}
	if err := WholeLibrary(self); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// One whose table of sections is not at its end, or that has none: its segments say how long it has to be.
	bare := append([]byte{}, raw[:1<<16]...)
	clear(bare[0x28:0x30]) // e_shoff
	clear(bare[0x3c:0x40]) // e_shnum, e_shstrndx
	if _, err := elf.NewFile(strings.NewReader(string(bare))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"half": {raw[:len(raw)/2], "it is cut off, or no shared library"},
		"bare": {bare, "it is cut off: it has 65536 bytes"},
		"text": {[]byte("no library"), "or no shared library"},
		"none": {nil, "or no shared library"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := WholeLibrary(path); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, dir, filepath.Join(dir, "nothing")} {
		if err := WholeLibrary(path); err == nil {
			t.Errorf("%s is taken", path)
		}
	}
}
