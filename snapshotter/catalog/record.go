package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
	"github.com/videosdgx/videosdgx/snapshotter"
)

// State of a snapshot in the catalogue.
type State string

// A snapshot serves only when Ready. Unproven: no restored instance has yet answered as the original did.
const (
	Unproven    State = "unproven"
	Ready       State = "ready"
	Quarantined State = "quarantined"
)

// Record is what the catalogue knows of one snapshot; it lies beside the images as record.json.
type Record struct {
	ID       string          `json:"id"` // Key.Digest
	Key      snapshotter.Key `json:"key"`
	Function string          `json:"function"`
	Version  string          `json:"version"`
	State    State           `json:"state"`
	Reason   string          `json:"reason,omitempty"` // why quarantined
	Created  time.Time       `json:"created"`
	Uptime   time.Duration   `json:"uptimeNanoseconds"` // the machine's monotonic clock, which its processes have read
	Used     time.Time       `json:"used,omitzero"`
	Restores int64           `json:"restores"`
	Bytes    int64           `json:"bytes"`
	Dump     time.Duration   `json:"dumpNanoseconds"`
	GPUs     []string        `json:"gpus,omitempty"` // that were chosen for its processes, which come back on no others
	Files    []File          `json:"files"`
	Dir      string          `json:"-"` // of the images
}

// File is one file of a snapshot, by its path below the images' folder.
type File struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

const (
	recordFile = "record.json"
	imagesDir  = "images"
	maxRecord  = 4 << 20
)

// readRecord reads DIR/record.json. Records are untrusted: the id must be the key's digest and the folder's name.
func readRecord(dir string) (Record, error) {
	var r Record
	path := filepath.Join(dir, recordFile)
	id, err := identify(path)
	if err != nil {
		return r, fmt.Errorf("snapshot %s has no record: %w", filepath.Base(dir), notFound(err))
	}
	if id.size > maxRecord {
		return r, fmt.Errorf("%s is %d bytes, at most %d are allowed: %w", path, id.size, maxRecord, errdefs.ErrDataLoss)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s: %w: %w", path, err, errdefs.ErrDataLoss)
	}
	r.Dir = filepath.Join(dir, imagesDir)
	return r, r.check(filepath.Base(dir))
}

func (r Record) check(name string) error {
	if r.ID != r.Key.Digest() || r.ID != name {
		return fmt.Errorf("snapshot %s: its record belongs to %s: %w", name, r.Key.Digest(), errdefs.ErrDataLoss)
	}
	if r.State != Unproven && r.State != Ready {
		return fmt.Errorf("snapshot %s: its record has the state %q: %w", name, r.State, errdefs.ErrDataLoss)
	}
	for _, f := range r.Files {
		if !filepath.IsLocal(f.Path) {
			return fmt.Errorf("snapshot %s: file name %q leads out of it: %w", name, f.Path, errdefs.ErrDataLoss)
		}
	}
	return nil
}

func notFound(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return errdefs.ErrNotFound
	}
	return err
}

// Uptime is what the machine's monotonic clock says.
func Uptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // every Linux has it
	}
	return time.Duration(t.Nano())
}

// LastUse is when a snapshot was restored last, or made.
func LastUse(r Record) time.Time {
	if r.Used.After(r.Created) {
		return r.Used
	}
	return r.Created
}

// writeRecord replaces DIR/record.json durably.
func writeRecord(dir string, r Record) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, recordFile), b, 0o600)
}
