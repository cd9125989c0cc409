package bundle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// replace has fill make a bundle in a folder beside dir and puts it in dir's place when it is complete.
func replace(dir string, fill func(string) error) (err error) {
	if err := replaceable(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make the bundle's parent folder: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-")
	if err != nil {
		return fmt.Errorf("make a folder for the new bundle: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	fresh := filepath.Join(tmp, "new")
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return err
	}
	if err := fill(fresh); err != nil {
		return fmt.Errorf("build bundle %s: %w", dir, err)
	}
	if err := os.Rename(dir, filepath.Join(tmp, "old")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("move the old bundle away: %w", err)
	}
	return os.Rename(fresh, dir)
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
