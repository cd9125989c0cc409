package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// stored is what one function's state file holds. Format 1.
type stored struct {
	Format   int                   `json:"format"`
	Name     string                `json:"name"`
	Latest   *frozen               `json:"latest,omitempty"`  // $LATEST as the API left it; nil: the manifest's
	Deleted  bool                  `json:"deleted,omitempty"` // hidden until the manifest changes
	Reserved *int                  `json:"reserved,omitempty"`
	Base     string                `json:"base,omitempty"` // sha256 of the manifest that Latest, Deleted or Reserved overrides
	Next     int                   `json:"next"`           // number of the next version
	Versions []frozen              `json:"versions,omitempty"`
	Aliases  map[string]spec.Alias `json:"aliases,omitempty"`
	Async    map[string]spec.Async `json:"async,omitempty"` // of versions and aliases that have settings of their own
}

// frozen is a function as it was written down.
type frozen struct {
	Function spec.Function `json:"function"`
	Dir      string        `json:"dir,omitempty"`
	At       time.Time     `json:"at"`
}

// freeze leaves out what belongs to the function and not to the version.
func freeze(fn spec.Function) frozen {
	fn.Reserved = nil
	return frozen{Function: fn, Dir: fn.Dir, At: time.Now().UTC()}
}

func (f frozen) thaw() spec.Function {
	fn := f.Function
	fn.Dir, fn.Modified = f.Dir, f.At
	return fn
}

// empty says that there is nothing to keep.
func (r *stored) empty() bool {
	return r.Latest == nil && !r.Deleted && r.Reserved == nil && len(r.Versions) == 0 && len(r.Aliases) == 0
}

// store keeps one JSON file per function in a folder.
type store struct{ dir string }

func (s store) path(name string) string { return filepath.Join(s.dir, name+".json") }

// save replaces a function's file atomically and durably; an empty record removes it.
func (s store) save(r *stored) error {
	if r.empty() {
		if err := os.Remove(s.path(r.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the state of function %s: %w", r.Name, err)
		}
		return nil
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err == nil {
		err = atomicfile.Write(s.path(r.Name), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("save the state of function %s (is the disk full?): %w", r.Name, err)
	}
	return nil
}

// load reads every function's file; what is left of an interrupted write is removed.
func (s store) load() (map[string]*stored, error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the registry's folder: %w", err)
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("read the registry's folder: %w", err)
	}
	all := map[string]*stored{}
	for _, e := range entries {
		path := filepath.Join(s.dir, e.Name())
		if strings.HasSuffix(e.Name(), atomicfile.Suffix) {
			_ = os.Remove(path)
		}
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		r, err := readStored(path)
		if err != nil {
			return nil, err
		}
		all[r.Name] = r
	}
	return all, nil
}

func readStored(path string) (*stored, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the registry: %w", err)
	}
	r := &stored{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s is not a function's state (%w); move it away to start without it", path, err)
	}
	if r.Format != 1 || r.Name == "" {
		return nil, fmt.Errorf("%s is not a function's state of format 1; move it away to start without it", path)
	}
	return r, nil
}
