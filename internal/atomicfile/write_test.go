package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	for name, write := range map[string]func(path string, data []byte, perm fs.FileMode) error{"Write": Write, "Replace": Replace} {
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		for _, text := range []string{"one", "two, and longer", ""} {
			if err := write(path, []byte(text), 0o640); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if b, _ := os.ReadFile(path); err != nil || string(b) != text || info.Mode().Perm() != 0o640 {
				t.Errorf("%s: %q, %v, %v", name, b, info, err)
			}
		}
		if err := write(filepath.Join(dir, "none", "f"), nil, 0o600); err == nil {
			t.Error(name, "writes into a folder that is not there")
		}
		if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := write(filepath.Join(dir, "d"), []byte("x"), 0o600); err == nil {
			t.Error(name, "replaces a folder")
		}
		nothingLeft(t, dir)
	}
}

// TestAFileThatCannotBeFilledStays: and meanwhile what it is filled with has a name that nobody reads.
func TestAFileThatCannotBeFilledStays(t *testing.T) {
	dir := t.TempDir()
	path, broken := filepath.Join(dir, "f"), errors.New("no more")
	if err := Write(path, []byte("as it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Fill(path, 0o600, func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if e.Name() != "f" && (!strings.HasPrefix(e.Name(), Prefix) || !strings.HasSuffix(e.Name(), Suffix)) {
				t.Errorf("meanwhile there is %s", e.Name())
			}
		}
		return errors.Join(err, broken)
	})
	if b, _ := os.ReadFile(path); !errors.Is(err, broken) || string(b) != "as it was" {
		t.Errorf("%q, %v", b, err)
	}
	nothingLeft(t, dir)
}

func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(dir, "*"+Suffix)); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}
