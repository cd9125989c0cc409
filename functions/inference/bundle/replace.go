package bundle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// replace has fill make a bundle in the folder "new" of a workshop beside dir, and puts it in dir's place when it is complete.
// The workshop stays when fill fails with something in its journal, and is found again by a build with the same key.
//
// A dir that is a symbolic link stays one: the bundle is made at what it leads to.
func replace(dir, key string, fill func(fresh, journal string) error) (err error) {
	if dir, err = followed(dir); err != nil {
		return err
	}
	if err := replaceable(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make the bundle's parent folder: %w", err)
	}
	shop, err := openWorkshop(dir, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.close(err)) }()
	if err := fill(shop.fresh(), shop.journal()); err != nil {
		return fmt.Errorf("build bundle %s: %w", dir, err)
	}
	return shop.deliver(dir)
}

// followed is where dir leads; a link to nothing is refused, as cp does.
func followed(dir string) (string, error) {
	st, err := os.Lstat(dir)
	if err != nil || st.Mode()&os.ModeSymlink == 0 {
		return dir, nil // what is not there is made, and what cannot be looked at is told when it is
	}
	to, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("output %s is a symbolic link to a folder that does not exist: make that folder, or choose another output folder: %w", dir, errdefs.ErrFailedPrecondition)
	}
	if err != nil {
		return "", fmt.Errorf("output %s: %w", dir, err)
	}
	return to, nil
}

// replaceable says whether dir is free, empty, or a bundle.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("output %s: %w", dir, err)
	}
	if _, err := os.Stat(filepath.Join(dir, weights.ManifestName)); err != nil {
		return fmt.Errorf("%s has files in it and is no bundle; choose another output folder: %w", dir, errdefs.ErrAlreadyExists)
	}
	return nil
}
