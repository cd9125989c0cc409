package doctor

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/internal/sharedlib/sharedlibtest"
)

var own = sharedlibtest.Machines[runtime.GOARCH]

func TestSharedSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string][]byte{"text.so": []byte("no library"), "own.so": sharedlibtest.Least(t, own, 0), "cut.so": sharedlibtest.Least(t, own, 1)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.so"):          "which is not there",
		dir:                                    "which is a folder, where a file is expected",
		filepath.Join(dir, "text.so", "in.so"): "which cannot be read (not a directory)",
		filepath.Join(dir, "text.so"):          "which is no shared library",
		filepath.Join(dir, "cut.so"):           "which is cut off: it has 120 bytes, and says that it has 121 at least",
		filepath.Join(dir, "own.so"):           "which is no engine (it gives no Engine)",
		"/dev/null":                            "which is no file",
	} {
		if _, wrong := (Shared{Is: "engine", Symbol: "Engine"}).Check(path); wrong != want {
			t.Errorf("%s: %q, expected %q", path, wrong, want)
		}
	}
	if _, wrong := (Shared{}).Check(filepath.Join(dir, "own.so")); wrong != "" {
		t.Errorf("any library: %q", wrong)
	}
}

func TestVariablesAreHeldToWhatTheyName(t *testing.T) {
	all := []Variable{
		{Name: "A", Fix: "name a folder", Check: func(_ context.Context, v string) (string, string) { return "", Folder(v) }},
		{Name: "B", Fix: "name a program", Check: func(_ context.Context, v string) (string, string) { return "2.0", Program(v) }},
		{Name: "C"},
		{Name: "D", Check: func(context.Context, string) (string, string) { return "", "which is never right" }},
	}
	set := map[string]string{"A": "/nowhere", "B": "sh", "C": "anything", "D": ""}
	found := Variables(all, func(name string) (string, bool) { v, ok := set[name]; return v, ok })(t.Context())
	if len(found) != 2 || found[0].OK || found[0].Detail != "it is /nowhere, which is not there" || found[0].Fix != "name a folder" || !found[1].OK || found[1].Version != "2.0" || found[1].Fix != "" {
		t.Errorf("%+v", found)
	}
	if Healthy(found) || !Healthy(found[1:]) {
		t.Error("a wrong variable is a fault, a right one none")
	}
}

func TestFoldersAndPrograms(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		Folder(file): "which is a file, where a folder is expected", Folder(filepath.Dir(file)): "",
		Program(file): "which cannot be run (permission denied)", Program("no-such-program"): "which cannot be run (executable file not found in $PATH)",
	} {
		if got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
}

func TestGPUFolder(t *testing.T) {
	dir := t.TempDir()
	if got := GPUFolder(filepath.Join(dir, "none"), Shared{}, Shared{}); got != "which is not there" {
		t.Errorf("%q", got)
	}
	for i, name := range gpuFiles {
		if got := GPUFolder(dir, Shared{}, Shared{}); !strings.HasPrefix(got, "a folder without "+name) {
			t.Errorf("%d: %q", i, got)
		}
		if err := os.WriteFile(filepath.Join(dir, name), sharedlibtest.Least(t, own, 0), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := GPUFolder(dir, Shared{}, Shared{}); got != "" {
		t.Errorf("%q", got)
	}
	if got := GPUFolder(dir, Shared{Is: "engine", Symbol: "Engine"}, Shared{}); got != "a folder that does not do: its libonnxruntime.so.1 is a file which is no engine (it gives no Engine)" {
		t.Errorf("%q", got)
	}
}
