package sandboxtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Binaries are the two programs that a real driver needs.
type Binaries struct {
	Init string // videosdgx-init
	Echo string // images/echo
}

// Build makes them, static, in a folder of the test's own that unprivileged users can read.
func Build(t testing.TB) Binaries {
	t.Helper()
	dir, err := os.MkdirTemp("", "sandboxtest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const module = "github.com/videosdgx/videosdgx/"
	cmd := exec.Command("go", "build", "-o", dir+"/", module+"cmd/videosdgx-init", module+"images/echo")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return Binaries{Init: filepath.Join(dir, "videosdgx-init"), Echo: filepath.Join(dir, "echo")}
}
