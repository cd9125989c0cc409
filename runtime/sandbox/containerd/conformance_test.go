package containerd

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/sandboxtest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestConformance runs what every driver must do; one private daemon serves all cases.
func TestConformance(t *testing.T) {
	d := newDriver(t)
	needCRIU(t, d)
	image := echoImage(t)
	sandboxtest.Run(t, func(t *testing.T) sandboxtest.Subject {
		return sandboxtest.Subject{
			Sandbox:  d,
			Again:    func(t *testing.T) instance.Sandbox { return again(t, d) },
			Echo:     spec.Function{Name: "echo", Image: image},
			Dir:      t.TempDir(),
			KillInit: func(t *testing.T, id string) { kill(t, initOf(t, d, id)) },
			Traces:   func(t *testing.T, id string) []string { return traces(t, d, id) },
		}
	})
}

// again is a second driver on the first one's state and daemon.
func again(t testing.TB, d *Driver) *Driver {
	t.Helper()
	o := d.o
	o.Address = d.daemon.Socket
	second, err := New(testContext(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := second.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return second
}

func initOf(t testing.TB, d *Driver, id string) int {
	t.Helper()
	d.mu.Lock()
	b := d.boxes[id]
	d.mu.Unlock()
	if p := b.hold(); p != nil {
		return p.PID
	}
	t.Fatalf("%s has no process", id)
	return 0
}

func kill(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// traces lists what bears an instance's id.
func traces(t testing.TB, d *Driver, id string) []string {
	t.Helper()
	ctx := d.in(testContext(t))
	var found []string
	if _, err := d.client.ContainerService().Get(ctx, id); !errdefs.IsNotFound(err) {
		return append(found, "container record")
	}
	left, err := d.strays(ctx)
	if err != nil {
		t.Fatal(err)
	}
	found = append(found, left[id]...)
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range processes {
		if b, err := os.ReadFile(p); err == nil && strings.Contains(string(b), "\x00"+id+"\x00") {
			found = append(found, "process "+strings.ReplaceAll(string(b), "\x00", " "))
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), "/"+id) {
		found = append(found, "mount")
	}
	return found
}
