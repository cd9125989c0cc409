// Package catalog keeps snapshots on disk, addressed by what they depend on. A snapshot is visible only when it is whole
// and durable; one that is damaged or does not match is moved aside with its reason, never deleted in silence; the
// oldest unused ones go when the budget is spent. Safe for concurrent use by one process.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// Options configure a catalogue.
type Options struct {
	Dir    string // its folder; made when missing
	Budget int64  // bytes that all snapshots may use together, those moved aside among them; 0: no bound
	Now    func() time.Time
}

// Catalog is a folder of snapshots: DIR/<id>/{record.json,images/…}, DIR/quarantine/<id>.<n>, DIR/tmp-….
type Catalog struct {
	opts     Options
	mu       sync.Mutex // guards renames in the folder and records
	verified sync.Map   // digest+path → identity
}

const quarantineDir = "quarantine"

// Open makes the folder and removes what an earlier process left half made.
func Open(opts Options) (*Catalog, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if err := os.MkdirAll(filepath.Join(opts.Dir, quarantineDir), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the snapshot folder: %w", err)
	}
	half, err := filepath.Glob(filepath.Join(opts.Dir, "tmp-*"))
	if err != nil {
		return nil, err
	}
	for _, d := range half {
		if err := os.RemoveAll(d); err != nil {
			return nil, err
		}
	}
	return &Catalog{opts: opts}, nil
}

// Stage gives an empty folder for a driver to write images into, on the same file system; Commit or Discard ends it.
func (c *Catalog) Stage() (string, error) {
	dir, err := os.MkdirTemp(c.opts.Dir, "tmp-")
	if err != nil {
		return "", fmt.Errorf("cannot make a folder for a snapshot: %w", err)
	}
	images := filepath.Join(dir, imagesDir)
	// CRIU reads it from inside the instance's user namespace, by a descriptor that root opened; the folder above stays
	// closed to everybody else
	return images, os.Mkdir(images, 0o755)
}

// Discard removes what Stage made.
func (c *Catalog) Discard(images string) error { return os.RemoveAll(filepath.Dir(images)) }

// Commit makes a staged snapshot visible: digests, record, fsync, rename. One with the same key is replaced.
func (c *Catalog) Commit(ctx context.Context, images string, r Record) (Record, error) {
	files, err := scan(ctx, images)
	if err != nil {
		return r, err
	}
	r.ID, r.Files, r.Bytes, r.Created, r.Uptime = r.Key.Digest(), files, 0, c.opts.Now(), Uptime()
	for _, f := range files {
		r.Bytes += f.Bytes
	}
	if c.opts.Budget > 0 && r.Bytes > c.opts.Budget {
		return r, fmt.Errorf("the snapshot has %d MB, more than the %d MB that all may use together (--snapshotMB): %w",
			r.Bytes/1e6, c.opts.Budget/1e6, errdefs.ErrResourceExhausted)
	}
	staged := filepath.Dir(images)
	if err := writeRecord(staged, r); err != nil {
		return r, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	final := filepath.Join(c.opts.Dir, r.ID)
	if err := os.RemoveAll(final); err != nil {
		return r, err
	}
	if err := os.Rename(staged, final); err != nil {
		return r, err
	}
	r.Dir = filepath.Join(final, imagesDir)
	return r, errors.Join(atomicfile.SyncDir(c.opts.Dir), c.evict(r.ID))
}

// Get finds a snapshot by id, or by an unambiguous beginning of one.
func (c *Catalog) Get(id string) (Record, error) {
	if id == "" || strings.Trim(id, "0123456789abcdef") != "" {
		return Record{}, fmt.Errorf("%q is not a snapshot id: %w", id, errdefs.ErrInvalidArgument)
	}
	found, err := filepath.Glob(filepath.Join(c.opts.Dir, id+"*"))
	if err != nil || len(found) == 0 {
		return Record{}, fmt.Errorf("no snapshot %s: %w", id, errdefs.ErrNotFound)
	}
	if len(found) > 1 {
		return Record{}, fmt.Errorf("%d snapshots begin with %s, write more of the id: %w", len(found), id, errdefs.ErrInvalidArgument)
	}
	return readRecord(found[0])
}

// List gives every snapshot that is not quarantined, newest first; unreadable ones are quarantined on the way.
func (c *Catalog) List() ([]Record, error) {
	out, bad, err := c.read()
	for name, why := range bad {
		err = errors.Join(err, c.Quarantine(name, why.Error()))
	}
	return out, err
}

// read gives the snapshots in the folder, newest first, and why others could not be read.
func (c *Catalog) read() (out []Record, bad map[string]error, err error) {
	ds, err := os.ReadDir(c.opts.Dir)
	if err != nil {
		return nil, nil, err
	}
	bad = map[string]error{}
	for _, d := range ds {
		if !d.IsDir() || d.Name() == quarantineDir || strings.HasPrefix(d.Name(), "tmp-") {
			continue
		}
		if r, err := readRecord(filepath.Join(c.opts.Dir, d.Name())); err != nil {
			bad[d.Name()] = err
		} else {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b Record) int { return b.Created.Compare(a.Created) })
	return out, bad, nil
}
