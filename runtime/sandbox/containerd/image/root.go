package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/continuity/fs"
	"github.com/containerd/errdefs"
)

// Instances of an image share one root file system. Nobody writes to it, so it needs no layer per instance: the image's
// layers, and on top of them one with the mount points that the image lacks. Both are snapshots of containerd, kept from
// its garbage collector by a label and found again by their names.
//
// The names of the snapshots: of the root, and with the suffix of the layer with its mount points.
const (
	rootPrefix  = "videosdgx-root-"
	layerSuffix = "-layer"
)

// Target is one mount point; a file's differs from a folder's. Or it is a symbolic link.
type Target struct {
	Path   string
	File   bool
	Public bool   // a folder that all may write to: runc before 1.2 gives a tmpfs the mode of the folder it is mounted on
	Link   string // what it points to; "": no link
}

// Root returns the mounts of a root file system that has the given mount points. The first call for an image makes it.
func (s *Store) Root(ctx context.Context, img *Image, targets []Target) ([]mount.Mount, error) {
	key := rootKey(img.chain, targets)
	img.mu.Lock()
	defer img.mu.Unlock()
	if m, ok := img.roots[key]; ok && s.owners.still(m) {
		return m, nil
	}
	m, err := s.owned(ctx, img.chain, key, targets)
	if err != nil {
		return nil, fmt.Errorf("root file system of %s: %w", img.Name, err)
	}
	img.roots[key] = m
	return m, nil
}

func (s *Store) makeRoot(ctx context.Context, chain, key string, targets []Target) ([]mount.Mount, error) {
	sn := s.client.SnapshotService(s.snapshotter)
	if m, err := sn.Mounts(ctx, key); err == nil {
		return m, nil
	}
	keep := snapshots.WithLabels(map[string]string{"containerd.io/gc.root": "videosdgx"})
	top := key + layerSuffix
	if _, err := sn.Stat(ctx, top); errdefs.IsNotFound(err) {
		if err := s.makeLayer(ctx, sn, chain, top, targets, keep); err != nil {
			return nil, err
		}
	}
	m, err := sn.View(ctx, key, top, keep)
	if errdefs.IsAlreadyExists(err) {
		return sn.Mounts(ctx, key)
	}
	return m, err
}

// makeLayer commits a snapshot above the image that has all targets.
func (s *Store) makeLayer(ctx context.Context, sn snapshots.Snapshotter, chain, name string, targets []Target, keep snapshots.Opt) (err error) {
	work := name + "-new"
	_ = sn.Remove(ctx, work) // of an earlier attempt that was killed
	mounts, err := sn.Prepare(ctx, work, chain, keep)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = sn.Remove(context.WithoutCancel(ctx), work)
		}
	}()
	err = mount.WithTempMount(ctx, mounts, func(dir string) error {
		if err := makeTargets(dir, targets); err != nil || !s.owners.Copies() {
			return err
		}
		return s.owners.give(dir)
	})
	if err != nil {
		return err
	}
	return sn.Commit(ctx, name, work, keep)
}

// makeTargets creates what is missing, inside dir whatever the image's symbolic links say.
func makeTargets(dir string, targets []Target) error {
	for _, t := range targets {
		path, err := fs.RootPath(dir, t.place())
		switch {
		case err == nil && t.Link != "":
			err = makeLink(path, filepath.Base(t.Path), t.Link)
		case err == nil:
			err = makeTarget(path, t)
		}
		if err != nil {
			return fmt.Errorf("mount point %s: %w", t.Path, err)
		}
	}
	return nil
}

// place is what has to be resolved inside the root: a link itself is not to be followed.
func (t Target) place() string {
	if t.Link != "" {
		return filepath.Dir(t.Path)
	}
	return t.Path
}

// makeLink leaves alone what the image has there.
func makeLink(dir, name, to string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(to, filepath.Join(dir, name)); err != nil && !os.IsExist(err) {
		return err
	}
	return nil
}

func makeTarget(path string, t Target) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if !t.File {
		if err := os.MkdirAll(path, 0o755); err != nil || !t.Public {
			return err
		}
		return os.Chmod(path, 0o777|os.ModeSticky)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, nil, 0o644)
}

// key tells a target from others.
func (t Target) key() string {
	switch {
	case t.Link != "":
		return t.Path + " -> " + t.Link
	case t.Public:
		return fmt.Sprint(t.Path, t.File, " public")
	}
	return fmt.Sprint(t.Path, t.File)
}

// rootKey names a root file system by all that it is made of.
func rootKey(chain string, targets []Target) string {
	list := make([]string, len(targets))
	for i, t := range targets {
		list[i] = t.key()
	}
	slices.Sort(list)
	sum := sha256.Sum256([]byte(chain + "\n" + strings.Join(list, "\n")))
	return rootPrefix + hex.EncodeToString(sum[:12])
}
