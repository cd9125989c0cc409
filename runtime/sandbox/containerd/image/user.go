package image

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/ids"
)

// nobody is the user and group for images that would run as root, or name no user.
const nobody = 65534

type User struct{ UID, GID uint32 }

// user resolves what the image says: numbers, or names in its own /etc/passwd and /etc/group. Root is not kept.
func (s *Store) user(ctx context.Context, img *Image) (User, error) {
	name, group, _ := strings.Cut(img.Config.User, ":")
	if u, ok := numeric(name, group); ok {
		return u.unprivileged(), u.known(img.Config.User)
	}
	mounts, err := s.Root(ctx, img, nil)
	if err != nil {
		return User{}, err
	}
	var found User
	err = mount.WithReadonlyTempMount(ctx, mounts, func(dir string) error {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return err
		}
		defer root.Close()
		found, err = lookUp(root.FS(), name, group)
		return err
	})
	if err != nil {
		return User{}, fmt.Errorf("image %s runs as %q: %w", img.Name, img.Config.User, err)
	}
	return found.unprivileged(), found.known(img.Config.User)
}

// known refuses numbers that an instance does not have.
func (u User) known(name string) error {
	if u.UID >= ids.Size || u.GID >= ids.Size {
		return fmt.Errorf("the image runs as %q: users and groups of an image are 0 to %d here: %w", name, ids.Size-1, errdefs.ErrInvalidArgument)
	}
	return nil
}

func (u User) unprivileged() User {
	if u.UID == 0 {
		return User{nobody, nobody}
	}
	return u
}

func numeric(name, group string) (User, bool) {
	if name == "" || name == "root" {
		return User{}, true
	}
	uid, err := strconv.ParseUint(name, 10, 32)
	if err != nil {
		return User{}, false
	}
	gid, err := strconv.ParseUint(group, 10, 32)
	if group != "" && err != nil {
		return User{}, false
	}
	if group == "" {
		gid = uid
	}
	return User{uint32(uid), uint32(gid)}, true
}

// lookUp reads the image's own user files; a group, when given, wins over the user's.
func lookUp(root fs.FS, name, group string) (User, error) {
	uid, gid, err := entry(root, "etc/passwd", name, 2, 3)
	if err != nil {
		return User{}, err
	}
	if group == "" {
		return User{uid, gid}, nil
	}
	if n, err := strconv.ParseUint(group, 10, 32); err == nil {
		return User{uid, uint32(n)}, nil
	}
	gid, _, err = entry(root, "etc/group", group, 2, 2)
	return User{uid, gid}, err
}

// entry finds a line by its first field, or by field a where the name is a number, and returns the numbers in fields a and b.
func entry(root fs.FS, file, name string, a, b int) (uint32, uint32, error) {
	f, err := root.Open(file)
	if err != nil {
		return 0, 0, fmt.Errorf("it has no /%s: %w", file, errdefs.ErrInvalidArgument)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) <= b || (fields[0] != name && fields[a] != name) {
			continue
		}
		x, errX := strconv.ParseUint(fields[a], 10, 32)
		y, errY := strconv.ParseUint(fields[b], 10, 32)
		if errX == nil && errY == nil {
			return uint32(x), uint32(y), nil
		}
	}
	return 0, 0, fmt.Errorf("%s is not in its /%s: %w", name, file, errdefs.ErrInvalidArgument)
}
