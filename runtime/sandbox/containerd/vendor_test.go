package containerd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
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
	install(t, fmt.Sprintf(deviceFile, library))
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

// install puts a vendor's device file where such files are installed to, for the time of a test.
func install(t *testing.T, text string) {
	t.Helper()
	folder := "/var/run/cdi"
	_, missingBefore := os.Stat(folder)
	must(t, os.MkdirAll(folder, 0o755))
	file := filepath.Join(folder, fmt.Sprintf("videosdgx-test-%d.json", os.Getpid()))
	must(t, os.WriteFile(file, []byte(text), 0o644))
	t.Cleanup(func() {
		_ = os.Remove(file)
		if missingBefore != nil {
			_ = os.Remove(folder)
		}
	})
}

// TestCheckpointWithAVendorsFiles: a driver's files are links to where it is installed, a read-only mount, and its device file
// names no type of mount. A restored instance has them too: it goes on with a library that it had mapped, and may open the device,
// which only its own control group allows.
func TestCheckpointWithAVendorsFiles(t *testing.T) {
	d := newDriver(t)
	needCRIU(t, d)
	const node, library = "/dev/videosdgx-test", "/usr/lib/vendor/libtest.so.1"
	must(t, unix.Mknod(node, unix.S_IFCHR|0o666, int(unix.Mkdev(10, 229)))) // as /dev/fuse, which runtimes allow nobody by themselves
	t.Cleanup(func() { _ = os.Remove(node) })
	must(t, os.Chmod(node, 0o666))
	install(t, fmt.Sprintf(deviceFile, driver(t)))
	f := spec.Function{Image: echoImage(t), GPUs: []string{"videosdgx.test/gpu=0"}}
	b := started(t, d, config(t, f))
	if got := invoke(t, b, `{"map":"`+library+`"}`); got != `"x"` {
		t.Fatalf("the library is %s", got)
	}
	images := t.TempDir()
	must(t, b.(*box).Checkpoint(testContext(t), images, true))
	<-b.Exited()
	remove(t, b)
	c := config(t, f)
	r, err := d.Restore(testContext(t), c, images)
	if err != nil {
		t.Fatal(err)
	}
	defer remove(t, r)
	must(t, client.Restored(testContext(t), r.Dial, wire.RestoredHead{InstanceID: c.ID, Entropy: make([]byte, 64)}))
	for event, want := range map[string]string{
		`{"map":"` + library + `"}`: `"x"`, `{"map":"/usr/lib/vendor/libtest.so"}`: `"x"`, `{"lock":"` + node + `"}`: `"free"`,
	} {
		if got := invoke(t, r, event); got != want {
			t.Errorf("the restored instance answers %s with %s", event, got)
		}
	}
}

// driver installs a library as a driver's are, and gives the path that device files name: a link to a read-only mount.
func driver(t *testing.T) string {
	t.Helper()
	files, system := t.TempDir(), t.TempDir()
	for _, folder := range []string{filepath.Dir(files), files, system} { // open to everybody, as a driver's folders are
		must(t, os.Chmod(folder, 0o755))
	}
	library := filepath.Join(files, "libtest.so.1.2")
	must(t, os.WriteFile(library, []byte("x"), 0o644))
	must(t, unix.Mount(files, files, "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount(files, 0)) })
	must(t, unix.Mount("", files, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	link := filepath.Join(system, "libtest.so.1.2")
	must(t, os.Symlink(library, link))
	return link
}
