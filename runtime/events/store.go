package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// Store keeps events across restarts. Safe for concurrent use. Put is durable when it returns.
type Store interface {
	Put(e Event) error
	Get(id string) (Event, error) // NotFound
	Delete(id string) error       // deleting what is not there is no error
	// SetAside keeps an event where Each does not find it, and says where.
	SetAside(id string) (where string, err error)
	// Each calls f for every event, in no order. What cannot be read is set aside and reported, not lost.
	Each(f func(e Event)) error
}

// Files is a Store with one file per event in a folder; each is written under another name and then renamed.
type Files struct {
	dir string
	mu  sync.Mutex // one write of an id at a time
}

var _ Store = (*Files)(nil)

// OpenFiles makes the folder if need be and removes what a crash left half written.
func OpenFiles(dir string) (*Files, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	half, err := filepath.Glob(filepath.Join(dir, "*"+atomicfile.Suffix))
	if err != nil {
		return nil, err
	}
	for _, f := range half {
		if err := os.Remove(f); err != nil {
			return nil, err
		}
	}
	return &Files{dir: dir}, nil
}

func (f *Files) path(id string) string { return filepath.Join(f.dir, id+".json") }

// Put implements Store.
func (f *Files) Put(e Event) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := atomicfile.Write(f.path(e.ID), b, 0o600); err != nil {
		return fmt.Errorf("store event %s: %w", e.ID, err)
	}
	return nil
}

// Get implements Store.
func (f *Files) Get(id string) (Event, error) {
	var e Event
	b, err := os.ReadFile(f.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return e, fmt.Errorf("no event %s: %w", id, errdefs.ErrNotFound)
	}
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(b, &e)
}

// Delete implements Store.
func (f *Files) Delete(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := os.Remove(f.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil // a removal that a crash undoes only repeats the event: at least once
}

// undelivered is the folder of records that no destination took, beside the events.
const undelivered = "undelivered"

// SetAside implements Store: the event's file moves into a folder of its own.
func (f *Files) SetAside(id string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir := filepath.Join(f.dir, undelivered)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return f.path(id), err
	}
	to := filepath.Join(dir, id+".json")
	if err := os.Rename(f.path(id), to); err != nil {
		return f.path(id), err
	}
	return to, atomicfile.SyncDir(f.dir)
}

// Each implements Store. A damaged file is renamed to *.bad.
func (f *Files) Each(each func(Event)) error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range entries {
		id, ok := strings.CutSuffix(d.Name(), ".json")
		if !ok {
			continue
		}
		e, err := f.Get(id)
		if err == nil && e.ID != id {
			err = fmt.Errorf("it holds event %q", e.ID)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("event file %s is damaged and was set aside: %w", f.path(id), err), os.Rename(f.path(id), f.path(id)+".bad"))
			continue
		}
		each(e)
	}
	return errors.Join(errs...)
}
