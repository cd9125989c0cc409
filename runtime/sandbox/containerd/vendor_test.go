package containerd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
