package bundle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/compile"
)

// DiskBytes is the size of all files that Build would make, whole pages and optimised graphs included. No weight is read: the
// graphs are made in a temporary folder. Optimisers choose names that differ by some
// bytes from run to run. Where an optimiser's libraries are not installed, graphs count as they were built, and the size is not exact.
func DiskBytes(ctx context.Context, r Recipe, o Options) (n int64, exact bool, err error) {
	n, err = diskBytes(ctx, r, o)
	if !errdefs.IsNotFound(err) {
		return n, err == nil, err
	}
	o.Targets = slices.Clone(o.Targets)
	for i := range o.Targets {
		o.Targets[i].Optimiser = nil
	}
	n, err = diskBytes(ctx, r, o)
	return n, false, err
}

func diskBytes(ctx context.Context, r Recipe, o Options) (n int64, err error) {
	if _, err := o.choose(r); err != nil {
		return 0, err
	}
	policy, err := o.policy(r)
	if err != nil {
		return 0, err
	}
	all, err := buildAll(r, o.Targets, policy)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "videosdgx-plan-")
	if err != nil {
		return 0, fmt.Errorf("count a bundle: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w := compile.Count(dir)
	files := map[string]string{} // by its path in the bundle
	for _, b := range all {
		if err := w.With(b.target.Optimiser).Add(ctx, b.name, b.model); err != nil {
			return 0, err
		}
		files[b.name] = filepath.Join(dir, b.name)
	}
	for _, f := range r.Files {
		files[f.To] = f.From
	}
	n = w.Size()
	for _, path := range files {
		st, err := os.Stat(path)
		if err != nil {
			return 0, fmt.Errorf("count a bundle: %w", err)
		}
		n += st.Size()
	}
	return n, nil
}
