package catalog

import (
	"context"
	"io/fs"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/videosdgx/videosdgx/snapshotter"
)

// Verify checks every file of a snapshot against its digest, and that there is no other. What was checked once is not
// read again while the file is the same one, unwritten since (device, inode, size, both times): a restore then costs a
// handful of lstat calls. What this cannot see is a disk that changes data by itself; force reads everything.
func (c *Catalog) Verify(ctx context.Context, r Record, force bool) error {
	if err := onlyListed(r); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for _, f := range r.Files {
		g.Go(func() error { return c.verifyFile(ctx, r, f, force) })
	}
	return g.Wait()
}

func (c *Catalog) verifyFile(ctx context.Context, r Record, f File, force bool) error {
	path := filepath.Join(r.Dir, f.Path)
	id, err := identify(path)
	if err != nil {
		return missing(f, err)
	}
	if id.size != uint64(f.Bytes) {
		return &snapshotter.DamageError{File: f.Path, Expected: strconv.FormatInt(f.Bytes, 10) + " bytes", Found: strconv.FormatUint(id.size, 10) + " bytes"}
	}
	if known, ok := c.verified.Load(f.SHA256 + path); ok && known == id && !force {
		return nil
	}
	_, sum, err := digest(ctx, path)
	if err != nil {
		return missing(f, err)
	}
	if sum != f.SHA256 {
		return &snapshotter.DamageError{File: f.Path, Expected: "sha256 " + f.SHA256, Found: sum}
	}
	c.verified.Store(f.SHA256+path, id)
	return nil
}

// onlyListed refuses files that the record does not know: a driver might read them.
func onlyListed(r Record) error {
	known := make(map[string]bool, len(r.Files))
	for _, f := range r.Files {
		known[f.Path] = true
	}
	return filepath.WalkDir(r.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return missing(File{Path: imagesDir}, err)
		}
		if rel, _ := filepath.Rel(r.Dir, path); !d.IsDir() && !known[rel] {
			return &snapshotter.DamageError{File: rel, Expected: "no such file", Found: "one that was not written with the snapshot"}
		}
		return nil
	})
}
