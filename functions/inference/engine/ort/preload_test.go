package ort

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

// TestTheCompilersBuiltinsAreFoundByTheirNameAlone, as the compiler asks for them.
func TestTheCompilersBuiltinsAreFoundByTheirNameAlone(t *testing.T) {
	name := fmt.Sprintf("libnvrtc-builtins.so.0.%d", time.Now().UnixNano()) // what is open stays open, and the test may run again
	dir := t.TempDir()
	source := filepath.Join(dir, "builtins.c")
	if err := os.WriteFile(source, []byte("int builtins;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-Wl,-soname,"+name, "-o", filepath.Join(dir, name), source).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	if err := open(name); err == nil {
		t.Fatalf("%s is on the loader's path", name)
	}
	if err := preload(t.TempDir()); err != nil {
		t.Errorf("a folder without them: %v", err)
	}
	if err := preload(dir); err != nil {
		t.Fatal(err)
	}
	if err := open(name); err != nil {
		t.Error(err)
	}
}

func TestBuiltinsThatAreNoLibrary(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "libnvrtc-builtins.so.0.8"), []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := preload(dir); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("%v", err)
	}
}
