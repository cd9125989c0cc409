package containerd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/place"
)

// An instance may write to its folder, where its socket is. So the folder is a small file system in memory: what lies in it
// is bounded, and no function fills the machine's disk.
const folderOptions = "mode=0700,size=1m,nr_inodes=128"

// folderName is the source of the mount, by which it is found again.
func (d *Driver) folderName(id string) string { return "videosdgx-" + d.owner + "." + id }

// filesAt is where the files of an instance's events lie, on disk: a clip to go on from is far larger than its folder may be.
func (d *Driver) filesAt(id string) string { return filepath.Join(d.o.Data, "files", id) }

// FilesDir is where the files of the instance's events are laid; one that a server before this one started has none.
func (b *box) FilesDir() string {
	if at := b.d.filesAt(b.id); isFolder(at) {
		return at
	}
	return ""
}

func isFolder(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

// shelve makes the folder for the files of an instance's events, and in the instance's own the point where it is mounted
// read-only. Both stay the machine's: the instance reads them and cannot write.
func (d *Driver) shelve(id, dir string) error {
	return errors.Join(folder(d.filesAt(id)), folder(filepath.Join(dir, wire.FilesDir)))
}

// folder makes one that everybody may read, whatever the umask.
func folder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o755) //nolint:gosec // the instance, which is another user, reads it
}

// enclose mounts the file system over the folder and copies into it what the caller has put there.
func (d *Driver) enclose(id, dir string) error {
	if !d.encloses {
		return nil
	}
	files, err := contents(dir)
	if err != nil {
		return err
	}
	if err := unix.Mount(d.folderName(id), dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, folderOptions); err != nil {
		return fmt.Errorf("instance folder: mount on %s: %w", dir, err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return fmt.Errorf("instance folder: %w", err)
		}
	}
	return nil
}

// contents reads a folder of a few small files.
func contents(dir string) (map[string][]byte, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("instance folder: %w (%w)", err, errdefs.ErrNotFound)
	}
	files := map[string][]byte{}
	for _, e := range all {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, fmt.Errorf("instance folder: %w", err)
		}
	}
	return files, nil
}

// disclose undoes enclose; what is not there is no error.
func (d *Driver) disclose(id string) error {
	mounted, err := d.enclosed()
	if err != nil {
		return err
	}
	for _, dir := range mounted[id] {
		if err := unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return &os.PathError{Op: "unmount", Path: dir, Err: err}
		}
	}
	return os.RemoveAll(d.filesAt(id))
}

// enclosed are the mounted folders of this driver's instances, by their ids.
func (d *Driver) enclosed() (map[string][]string, error) {
	text, err := os.ReadFile("/proc/thread-self/mounts")
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[2] != "tmpfs" {
			continue
		}
		if id, ours := strings.CutPrefix(f[0], d.folderName("")); ours {
			found[id] = append(found[id], unescape(f[1]))
		}
	}
	return found, nil
}

// unescape undoes what the kernel does to spaces in its lists of mounts; see proc_pid_mounts(5).
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

// seesMounts says whether the process that listens on a socket has the same mounts as this one, which a service of systemd
// may have to itself. What is mounted here would else not be there for the containers that it makes.
func seesMounts(socket string) bool {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return false
	}
	var peer *unix.Ucred
	var perr error
	if err := raw.Control(func(fd uintptr) { peer, perr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil || perr != nil {
		return false
	}
	ours, err := os.Readlink("/proc/thread-self/ns/mnt")
	theirs, terr := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", peer.Pid))
	return err == nil && terr == nil && ours == theirs
}

// handOver gives the instance's folder, and what lies in it, to the user that init runs as: it makes its socket there.
func handOver(dir string, o place.Owner) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("instance folder: %w (%w)", err, errdefs.ErrNotFound)
	}
	for _, e := range entries {
		if err := os.Lchown(filepath.Join(dir, e.Name()), int(o.UID), int(o.GID)); err != nil {
			return fmt.Errorf("instance folder: %w", err)
		}
	}
	if err := os.Chmod(dir, 0o700); err != nil { // init.sock and guest.json are the function's and the control plane's
		return fmt.Errorf("instance folder: %w", err)
	}
	if err := os.Lchown(dir, int(o.UID), int(o.GID)); err != nil {
		return fmt.Errorf("instance folder: %w", err)
	}
	return nil
}

// touch makes the log before the shim does, for root's eyes only.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("instance log: %w", err)
	}
	return f.Close()
}
