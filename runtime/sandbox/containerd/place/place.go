// Package place puts folders and files of this machine where an OCI runtime finds them as the sources of bind mounts. A
// place is pinned: the source is opened below a root, following nothing that leads out of it, and what was opened is what
// is mounted, whatever becomes of the path meanwhile. It may show the owner's files as those of a user of the instance.
package place

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/containerd/containerd/v2/core/mount"
	"golang.org/x/sys/unix"
)

// Owner is who a function is on the machine, in numbers of the machine.
type Owner struct{ UID, GID uint32 }

// Pin mounts what rel names below root on at, which it makes. With a writer, who owns the source on disk is the writer in
// the place, so that the writer may do there what the owner may, and what it makes belongs to the owner. A source of root's
// stays root's: nobody becomes root by a mount.
func Pin(root, rel, at string, writer *Owner) error {
	source, err := open(root, rel)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := mountPoint(source, at); err != nil {
		return err
	}
	tree, err := unix.OpenTree(int(source.Fd()), "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return &os.PathError{Op: "clone the mount of", Path: source.Name(), Err: err}
	}
	defer unix.Close(tree)
	if err := attributes(source, tree, writer); err != nil {
		return &os.PathError{Op: "map the owner of", Path: source.Name(), Err: err}
	}
	return unix.MoveMount(tree, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// open resolves rel below root in the kernel: no step leads above root, nor through a link of /proc.
func open(root, rel string) (*os.File, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: root, Err: err}
	}
	defer unix.Close(dir)
	fd, err := unix.Openat2(dir, rel, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS})
	path := filepath.Join(root, rel)
	if err != nil {
		return nil, &os.PathError{Op: "open below " + root, Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// mountPoint makes a folder for a folder, a file for a file. Neither a device, a socket nor a pipe is handed to a function.
func mountPoint(source *os.File, at string) error {
	st, err := source.Stat()
	switch {
	case err != nil:
		return err
	case st.IsDir():
		return os.Mkdir(at, 0o700)
	case st.Mode().IsRegular():
		return os.WriteFile(at, nil, 0o600)
	}
	return fmt.Errorf("%s is neither a folder nor a file", source.Name())
}

// attributes make the clone private, and map its owner to the writer.
func attributes(source *os.File, tree int, writer *Owner) error {
	attr := unix.MountAttr{Propagation: unix.MS_PRIVATE}
	if writer != nil {
		var st unix.Stat_t
		if err := unix.Fstat(int(source.Fd()), &st); err != nil {
			return err
		}
		if st.Uid != 0 {
			ns, err := mount.GetUsernsFD(oneToOne(st.Uid, writer.UID), groups(st.Gid, writer.GID))
			if err != nil {
				return err
			}
			defer ns.Close()
			attr.Attr_set, attr.Userns_fd = unix.MOUNT_ATTR_IDMAP, uint64(ns.Fd())
		}
	}
	return unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr)
}

func oneToOne(disk, seen uint32) string {
	return strconv.FormatUint(uint64(disk), 10) + ":" + strconv.FormatUint(uint64(seen), 10) + ":1"
}

// groups shows root's group as another one than the writer's, whose files keep the writer's own number: the kernel makes
// none in a folder whose group it cannot show.
func groups(owner, writer uint32) string {
	if owner == 0 {
		return oneToOne(0, writer+1) + "," + oneToOne(writer, writer)
	}
	return oneToOne(owner, writer)
}
