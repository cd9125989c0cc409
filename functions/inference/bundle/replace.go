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
func replace(dir, key string, fill func(fresh, journal string) error) (err error) {
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
