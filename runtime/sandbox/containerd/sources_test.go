package containerd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// asUser is an image whose user has, on the machine, somebody else's number: 65534:42 is nobody in the group of shadow.
func asUser(t testing.TB, user string, more ...file) string {
	files := append([]file{{path: "var/runtime/bootstrap", mode: 0o755, body: program(t, built.hostile)}}, more...)
	return writeImage(t, v1.Config{Entrypoint: []string{"/var/runtime/bootstrap"}, User: user}, files...)
}

// TestUsersAreNobodysOnTheMachine: what only a user of the machine with the image's number may read is closed to an
// instance, and what only that user of the image may read is open.
func TestUsersAreNobodysOnTheMachine(t *testing.T) {
	t.Run("mapped", func(t *testing.T) { usersAreNobodys(t, newDriver(t)) })
	t.Run("copied", func(t *testing.T) {
		d := newDriver(t)
		d.images.Owners().CopyAlways()
		usersAreNobodys(t, d)
	})
	t.Run("distribution", func(t *testing.T) { usersAreNobodys(t, distributions(t)) })
}

func usersAreNobodys(t *testing.T, d *Driver) {
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	for name, own := range map[string][2]int{"shadow": {0, 42}, "users": {1000, 1000}, "roots": {0, 0}} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("secret"), 0o640))
		must(t, os.Chown(filepath.Join(dir, name), own[0], own[1]))
	}
	for _, user := range []string{"65534:42", "1000:1000", "root"} {
		f := spec.Function{
			Image: asUser(t, user, file{path: "etc/private", mode: 0o640, body: []byte("of the image's root")}), Dir: dir, Mounts: []spec.Mount{{Source: dir, Target: "/mnt"}},
			Command: []string{"/var/runtime/bootstrap", "write"}, Env: map[string]string{"READ": "/mnt/shadow /mnt/users /mnt/roots /var/runtime/bootstrap /etc/private", "WRITE": "/mnt/new /tmp/new"},
		}
		c := config(t, f)
		b := started(t, d, c)
		out := output(t, b, c)
		for _, path := range []string{"read /mnt/shadow", "read /mnt/users", "read /mnt/roots", "read /etc/private", "write /mnt/new"} {
			if !strings.Contains(out, path+": open "+strings.Fields(path)[1]+": permission denied") && !strings.Contains(out, path+": open "+strings.Fields(path)[1]+": read-only") {
				t.Errorf("%s: %s is not refused:\n%s", user, path, out)
			}
		}
		if !strings.Contains(out, "read /var/runtime/bootstrap: <nil>") || !strings.Contains(out, "write /tmp/new: <nil>") {
			t.Errorf("%s: what is its own is refused:\n%s", user, out)
		}
		var st unix.Stat_t
		must(t, unix.Stat(c.Dir, &st))
		if st.Uid < d.o.IDs.UID || st.Mode&0o077 != 0 {
			t.Errorf("%s: the instance's folder has owner %d, mode %o", user, st.Uid, st.Mode&0o777)
		}
		remove(t, b)
	}
}

// TestPrivateFilesOfAnImage are its user's inside: an image's numbers go on meaning what they meant.
func TestPrivateFilesOfAnImage(t *testing.T) {
	for _, copies := range []bool{false, true} {
		d := newDriver(t)
		if copies {
			d.images.Owners().CopyAlways()
		}
		c := config(t, spec.Function{
			Image:   asUser(t, "1000:1000", file{path: "home/secret", mode: 0o400, body: []byte("x"), uid: 1000, gid: 1000}),
			Command: []string{"/var/runtime/bootstrap", "write"}, Env: map[string]string{"READ": "/home/secret"},
		})
		b := started(t, d, c)
		if out := output(t, b, c); !strings.Contains(out, "read /home/secret: <nil>") {
			t.Errorf("copies %v: %s", copies, out)
		}
		remove(t, b)
	}
}

// TestWritableMount belongs to whom the folder belongs to, and never to root.
func TestWritableMount(t *testing.T) {
	d := newDriver(t)
	for _, c := range []struct {
		uid, gid int
		ok       bool
	}{{1234, 1234, true}, {1234, 0, true}, {0, 0, false}} {
		dir := filepath.Join(t.TempDir(), "data")
		must(t, os.Mkdir(dir, 0o755))
		must(t, os.Chown(dir, c.uid, c.gid))
		cfg := config(t, spec.Function{
			Image: asUser(t, "1000:1000"), Dir: filepath.Dir(dir), Mounts: []spec.Mount{{Source: dir, Target: "/mnt", Writable: true}},
			Command: []string{"/var/runtime/bootstrap", "write"}, Env: map[string]string{"WRITE": "/mnt/new"},
		})
		b := started(t, d, cfg)
		out := output(t, b, cfg)
		var st unix.Stat_t
		err := unix.Stat(filepath.Join(dir, "new"), &st)
		if ok := strings.Contains(out, "write /mnt/new: <nil>"); ok != c.ok || ok && (err != nil || st.Uid != uint32(c.uid) || st.Gid == 0) {
			t.Errorf("owner %d:%d: made by %d:%d, %v\n%s", c.uid, c.gid, st.Uid, st.Gid, err, out)
		}
		remove(t, b)
	}
}

// TestMountsElsewhere are refused before anything is made, by whatever way they lead there.
func TestMountsElsewhere(t *testing.T) {
	d := newDriver(t)
	dir := t.TempDir()
	must(t, os.Symlink("/etc", filepath.Join(dir, "link")))
	must(t, os.Symlink("link/ssl", filepath.Join(dir, "twice")))
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o666))
	image := asUser(t, "1000")
	for _, source := range []string{"/etc", "/", "/proc/1/root/etc", dir + "/../../../etc", dir + "/link", dir + "/twice", dir + "/pipe", "/dev/null", "/run/containerd"} {
		for _, writable := range []bool{false, true} {
			c := config(t, spec.Function{Image: image, Dir: dir, Mounts: []spec.Mount{{Source: source, Target: "/mnt", Writable: writable}}})
			b, err := d.Create(testContext(t), c)
			if err == nil {
				t.Errorf("%s is mounted", source)
				remove(t, b)
			}
		}
	}
	c := config(t, spec.Function{Image: image, Dir: dir, Mounts: []spec.Mount{{Source: "/etc", Target: "/mnt"}}})
	if _, err := d.Create(testContext(t), c); !errdefs.IsPermissionDenied(err) {
		t.Errorf("the class of a refused mount: %v", err)
	}
}

// TestFullScratchIsNoSpace: who fills /tmp hears that there is no space, and is not killed for memory.
func TestFullScratchIsNoSpace(t *testing.T) {
	d := newDriver(t)
	c := config(t, spec.Function{
		Image: asUser(t, "1000"), Limits: spec.Limits{Memory: 96 << 20, Scratch: 512 << 20}, Command: []string{"/var/runtime/bootstrap", "full"},
	})
	b := started(t, d, c)
	defer remove(t, b)
	if out := output(t, b, c); !strings.Contains(out, "no space left on device") || b.Exit().OOMKilled {
		t.Errorf("exit %+v:\n%s", b.Exit(), out)
	}
}
