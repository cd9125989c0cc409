package process

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/sandboxtest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func driver(t *testing.T, root, init string) *Driver {
	t.Helper()
	d, err := New(Options{Root: root, Init: init})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func TestConformance(t *testing.T) {
	bin := sandboxtest.Build(t)
	sandboxtest.Run(t, func(t *testing.T) sandboxtest.Subject {
		root := filepath.Join(t.TempDir(), "process")
		return sandboxtest.Subject{
			Sandbox:  driver(t, root, bin.Init),
			Again:    func(t *testing.T) instance.Sandbox { return driver(t, root, bin.Init) },
			Echo:     spec.Function{Name: "echo", Dir: filepath.Dir(bin.Echo), Command: []string{bin.Echo}},
			Dir:      t.TempDir(),
			KillInit: func(t *testing.T, id string) { killInit(t, filepath.Join(root, id)) },
			Traces:   func(_ *testing.T, id string) []string { return traces(root, id) },
		}
	})
}

func killInit(t *testing.T, home string) {
	t.Helper()
	rec, err := loadDescriptor(home)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(rec.PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func traces(root, id string) (left []string) {
	if _, err := os.Stat(filepath.Join(root, id)); err == nil {
		left = append(left, "folder "+id)
	}
	for _, pid := range members(0, id) {
		left = append(left, "process "+strconv.Itoa(pid))
	}
	return left
}
