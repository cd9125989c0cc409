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
	"github.com/videosdgx/videosdgx/functions/inference/onnx"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// DiskBytes is what all files that Build would make take of a disk, in whole pages, the manifest and optimised graphs included: never
// less than the files' lengths. No weight is read: the graphs are made in a temporary folder. Optimisers choose names that differ by
// some bytes from run to run. Where an optimiser's libraries are not installed, graphs count as they were built, and the size is not exact.
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
	chosen, err := o.choose(r)
	if err != nil {
		return 0, err
	}
	computes, err := o.computes(r)
	if err != nil {
		return 0, err
	}
	policy, err := o.policy(r)
	if err != nil {
		return 0, err
	}
	all, err := buildAll(r, o.Targets, policy, o.typeOf(r))
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
	m := o.manifest(r, chosen, computes)
	m.Files = []weights.FileEntry{{Path: compile.DataName, Size: w.Size()}}
	for name, path := range files {
		st, err := os.Stat(path)
		if err != nil {
			return 0, fmt.Errorf("count a bundle: %w", err)
		}
		m.Files = append(m.Files, weights.FileEntry{Path: name, Size: st.Size()})
	}
	n = pages(m.Length()) + onnx.PageSize // and the note of where the checkpoint lies
	for _, f := range m.Files {
		n += pages(f.Size)
	}
	return n, nil
}

// pages is n bytes, the last page filled.
func pages(n int64) int64 { return (n + onnx.PageSize - 1) / onnx.PageSize * onnx.PageSize }
