package containerd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// deviceFile is as nvidia-ctk generates them.
const deviceFile = `{"cdiVersion": "0.5.0", "kind": "videosdgx.test/gpu", "devices": [{"name": "0", "containerEdits": {
	"deviceNodes": [{"path": "/dev/videosdgx-test"}],
	"env": ["VIDEOSDGX_TEST_GPU=yes"],
	"mounts": [{"hostPath": %q, "containerPath": "/usr/lib/vendor/libtest.so.1.2", "options": ["ro", "nosuid", "nodev", "bind"]}],
	"hooks": [
		{"hookName": "createContainer", "path": "/usr/bin/nvidia-cdi-hook", "args": ["nvidia-cdi-hook", "create-symlinks", "--link", "libtest.so.1.2::/usr/lib/vendor/libtest.so.1", "--link=libtest.so.1::/usr/lib/vendor/libtest.so"]},
		{"hookName": "createContainer", "path": "/usr/bin/nvidia-cdi-hook", "args": ["nvidia-cdi-hook", "update-ldcache", "--folder", "/usr/lib/vendor"]}
	]}}]}`

// TestDeviceByItsCDIName: a function finds the device, the libraries at every name, and the vendor's environment, though its
// image has none of the places and its root cannot be written to.
func TestDeviceByItsCDIName(t *testing.T) {
	d := newDriver(t)
	const node = "/dev/videosdgx-test"
	must(t, unix.Mknod(node, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5)))) // as /dev/zero
	t.Cleanup(func() { _ = os.Remove(node) })
	must(t, os.Chmod(node, 0o666))
	library := filepath.Join(t.TempDir(), "library")
	must(t, os.WriteFile(library, []byte("x"), 0o644))
	folder := "/var/run/cdi"
	_, missingBefore := os.Stat(folder)
	must(t, os.MkdirAll(folder, 0o755))
	file := filepath.Join(folder, fmt.Sprintf("videosdgx-test-%d.json", os.Getpid()))
	must(t, os.WriteFile(file, fmt.Appendf(nil, deviceFile, library), 0o644))
	t.Cleanup(func() {
		_ = os.Remove(file)
		if missingBefore != nil {
			_ = os.Remove(folder)
		}
	})
	paths := node + " /usr/lib/vendor/libtest.so.1.2 /usr/lib/vendor/libtest.so.1 /usr/lib/vendor/libtest.so"
	c := config(t, spec.Function{
		Image: hostileImage(t), Command: []string{"/var/runtime/bootstrap", "read"}, GPUs: []string{"videosdgx.test/gpu=0"},
		Env: map[string]string{"READ": paths},
	})
	b := started(t, d, c)
	defer remove(t, b)
	out := output(t, b, c)
	for path := range strings.FieldsSeq(paths) {
		if !strings.Contains(out, "read "+path+": <nil>\n") {
			t.Errorf("%s is not there", path)
		}
	}
	if !strings.Contains(out, "yes /usr/lib/vendor\n") || t.Failed() {
		t.Errorf("output:\n%s", out)
	}
}

func TestVendorHooks(t *testing.T) {
	other := specs.Hook{Path: "/opt/vendor/hook", Args: []string{"hook"}}
	s := &specs.Spec{
		Process: &specs.Process{Env: []string{"LD_LIBRARY_PATH=/opt/image"}},
		Hooks: &specs.Hooks{CreateContainer: []specs.Hook{
			{Path: "/usr/bin/nvidia-ctk", Args: []string{"nvidia-ctk", "hook", "create-symlinks", "--link", "a.so.1::/lib/a.so"}},
			other,
			{Path: "/usr/bin/nvidia-cdi-hook", Args: []string{"nvidia-cdi-hook", "update-ldcache", "--folder", "/lib/x", "--folder=/lib/y"}},
			{Path: "/usr/bin/nvidia-cdi-hook", Args: []string{"nvidia-cdi-hook", "disable-device-node-modification"}},
		}},
	}
	links := vendorHooks(s)
	if len(links) != 1 || links[0] != (target{Path: "/lib/a.so", Link: "a.so.1"}) {
		t.Errorf("links %+v", links)
	}
	if len(s.Hooks.CreateContainer) != 1 || s.Hooks.CreateContainer[0].Path != other.Path {
		t.Errorf("hooks %+v", s.Hooks.CreateContainer)
	}
	if len(s.Process.Env) != 1 || s.Process.Env[0] != "LD_LIBRARY_PATH=/opt/image:/lib/x:/lib/y" {
		t.Errorf("environment %v", s.Process.Env)
	}
}
