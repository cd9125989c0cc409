package registry

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestCodeIsOfTheFilesAlone: what is mounted changes it, the environment and what is written by the function do not.
func TestCodeIsOfTheFilesAlone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "main.py")
	code := func(text string, env map[string]string, writable bool) string {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		h := &hasher{files: map[string]fileHash{}}
		_, code, err := h.digest(spec.Function{Image: "i", Env: env, Mounts: []spec.Mount{{Source: dir, Target: "/var/task", Writable: writable}}})
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	first := code("one", nil, false)
	if first == "" || first != code("one", map[string]string{"A": "b"}, false) {
		t.Error("an environment variable changes the code")
	}
	if first == code("two!", nil, false) {
		t.Error("an edited file does not change the code")
	}
	if code("one", nil, true) != "" {
		t.Error("what the function itself may write is code")
	}
}
