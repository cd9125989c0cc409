package containerd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/place"
)

// CRIU opens the sources of bind mounts from inside the user namespace, where root is nobody: a folder on the way that is
// closed to others, such as somebody's home, would stop it. For the time of a restore each source is therefore mounted
// again below the driver's own folder, which everybody may pass.

// reachDir holds one instance's.
func (d *Driver) reachDir(id string) string { return filepath.Join(d.o.State, "reach", id) }

// reachable makes an instance's folder of such places. It is a file system in memory, so that unreach has one mount to take
// away, with all below it: the kernel waits for all processors at each.
func (d *Driver) reachable(id string) (dir string, err error) {
	dir = d.reachDir(id)
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", err
	}
	if place.IsMounted(dir) {
		return dir, nil
	}
	if err := unix.Mount("videosdgx-reach", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0711"); err != nil {
		return "", &os.PathError{Op: "mount", Path: dir, Err: err}
	}
	return dir, nil
}

// reach mounts the sources of the bind mounts again and puts the new places into the list.
func (d *Driver) reach(id string, mounts []specs.Mount) error {
	dir, err := d.reachable(id)
	if err != nil {
		return err
	}
	for i := range mounts {
		if mounts[i].Type != "bind" {
			continue
		}
		at := filepath.Join(dir, strconv.Itoa(i))
		if err := bindAt(mounts[i].Source, at); err != nil {
			return fmt.Errorf("mount source %s: %w", mounts[i].Source, err)
		}
		mounts[i].Source = at
	}
	return nil
}

func bindAt(source, at string) error {
	file, err := place.IsFile(source)
	if err != nil {
		return err
	}
	if file {
		err = os.WriteFile(at, nil, 0o600)
	} else {
		err = os.Mkdir(at, 0o700)
	}
	if err != nil {
		return err
	}
	return unix.Mount(source, at, "", unix.MS_BIND|unix.MS_REC, "")
}

// unreach undoes reach; what is not there is no error. A control plane of before mounted each place on the disk's folder.
func (d *Driver) unreach(id string) error {
	dir := d.reachDir(id)
	if err := unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && err != unix.EINVAL && err != unix.ENOENT {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	places, err := names(dir)
	if err != nil {
		return err
	}
	for _, p := range places {
		at := filepath.Join(dir, p)
		if err := unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && err != unix.EINVAL {
			return fmt.Errorf("unmount %s: %w", at, err)
		}
		if err := os.Remove(at); err != nil {
			return err
		}
	}
	if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}
