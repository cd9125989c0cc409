package containerd

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/place"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// host is who the image's user is on the machine.
func (d *Driver) host(img *image.Image) place.Owner {
	return place.Owner{UID: d.o.IDs.UID + img.User.UID, GID: d.o.IDs.GID + img.User.GID}
}

// sources pins what the manifest mounts, and returns the paths to mount it from; unreach lets go of them again.
func (d *Driver) sources(c instance.Config, owner place.Owner) ([]string, error) {
	if len(c.Function.Mounts) == 0 {
		return nil, nil
	}
	dir, err := d.reachable(c.ID)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(c.Function.Mounts))
	for i, m := range c.Function.Mounts {
		at := filepath.Join(dir, "m"+strconv.Itoa(i))
		path, err := d.source(c, m, owner, at)
		if err != nil {
			return nil, err
		}
		paths[i] = path
	}
	return paths, nil
}

func (d *Driver) source(c instance.Config, m spec.Mount, owner place.Owner, at string) (string, error) {
	root, source, err := d.o.Mounts.Allowed(&c.Function, m)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w (%w)", err, errdefs.ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", err, errdefs.ErrPermissionDenied)
	}
	if !d.encloses { // containerd would not see the place
		return source, nil
	}
	var writer *place.Owner
	if m.Writable {
		writer = &owner
	}
	rel, err := filepath.Rel(root, source)
	if err == nil {
		err = place.Pin(root, rel, at, writer)
	}
	if err != nil {
		return "", fmt.Errorf("mount source %s: %w", m.Source, err)
	}
	return at, nil
}
