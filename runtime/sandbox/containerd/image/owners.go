package image

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/containerd/containerd/v2/core/mount"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/ids"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/place"
)

// Owners say whose the files of images are in instances. On disk they are the machine's users of the same numbers; an
// id-mapped mount shows them as instances' users, at no cost. Where there are no such mounts (Linux before 5.19, a file
// system that has none, a containerd that does not see the mounts made here), one layer of copies is theirs instead.
type Owners struct {
	ids  ids.Range
	dir  string      // where mapped roots are mounted, one for all instances of an image
	copy atomic.Bool // there are no id-mapped mounts
	log  *slog.Logger
}

func (o *Owners) Copies() bool { return o.copy.Load() }

// owned returns a root whose files are the instances' users', mapped or copied.
func (s *Store) owned(ctx context.Context, chain, key string, targets []Target) ([]mount.Mount, error) {
	if s.owners.dir == "" { // only looked at: no instance is made of it
		return s.makeRoot(ctx, chain, key, targets)
	}
	if !s.owners.Copies() {
		m, err := s.makeRoot(ctx, chain, key, targets)
		if err != nil {
			return nil, err
		}
		if m, err = s.owners.mapped(key, m); err == nil {
			return m, nil
		}
		s.owners.log.Warn("no id-mapped mounts, files of images are copied instead", "reason", err)
		s.owners.copy.Store(true)
	}
	return s.makeRoot(ctx, chain, key+"-"+s.owners.ids.String(), targets)
}

// mapped mounts a root below the driver's folder, where one that an earlier control plane mounted may be already.
func (o *Owners) mapped(key string, m []mount.Mount) ([]mount.Mount, error) {
	at := filepath.Join(o.dir, key+"-"+o.ids.String())
	bound := []mount.Mount{{Type: "bind", Source: at, Options: []string{"rbind", "ro"}}}
	if place.IsMounted(at) {
		return bound, nil
	}
	if err := os.MkdirAll(at, 0o711); err != nil {
		return nil, err
	}
	uid, gid := o.ids.Maps()
	m = slices.Clone(m)
	for i := range m {
		m[i].Options = append(slices.Clone(m[i].Options), "uidmap="+uid, "gidmap="+gid)
	}
	if err := mount.All(m, at); err != nil {
		_ = mount.UnmountAll(at, unix.MNT_DETACH)
		_ = os.Remove(at)
		return nil, err
	}
	return bound, nil
}

// still tells whether a root that was mounted here is.
func (o *Owners) still(m []mount.Mount) bool {
	return len(m) != 1 || filepath.Dir(m[0].Source) != o.dir || place.IsMounted(m[0].Source)
}

// give makes all files of a tree the instances' users'.
func (o *Owners) give(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return &os.PathError{Op: "stat", Path: path, Err: err}
		}
		if st.Uid >= ids.Size || st.Gid >= ids.Size { // given already, or nobody's inside
			return nil
		}
		return os.Lchown(path, int(o.ids.UID+st.Uid), int(o.ids.GID+st.Gid))
	})
}

// DropRoots unmounts the mapped roots; instances that live on have mounts of their own.
func DropRoots(dir string, log *slog.Logger) {
	mounts, err := place.Below(dir)
	if err != nil {
		log.Warn("mounted roots are left", "error", err)
	}
	for _, at := range slices.Backward(mounts) {
		if err := unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			log.Warn("a mounted root is left", "path", at, "error", err)
			continue
		}
		_ = os.Remove(at)
	}
}

// NewOwners are the users of a range. With copies there is no attempt at id-mapped mounts, which go below dir.
func NewOwners(r ids.Range, dir string, copies bool, log *slog.Logger) *Owners {
	o := &Owners{ids: r, dir: dir, log: log}
	o.copy.Store(copies)
	return o
}

// CopyAlways gives up on id-mapped mounts.
func (o *Owners) CopyAlways() { o.copy.Store(true) }
