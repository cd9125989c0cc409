package tensorrt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Found is a plan: where it lies, and its checksum as Checksum gives it, since another may lie there later.
type Found struct{ Path, Sum string }

// Search finds the plans of a bundle in a folder of plans that one TensorRT runs on one GPU, by graph: of several the one that was built
// last. What is damaged is as if it were not there, and so is what fit refuses. A folder that is not there has none.
func Search(dir, bundle string, lib *Library, on Target, fit func(Facts) bool) (map[string]Found, error) {
	p := Plans{Dir: dir, Library: lib.Name()}
	if p.rtx() {
		on.Name, on.Driver = "", ""
	}
	path, err := p.path(Facts{Library: p.Library, Target: on})
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for plans: %w", err)
	}
	found := map[string]Found{}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), factsEnding)
		if !ok || filepath.Ext(name) != ".plan" {
			continue
		}
		path := filepath.Join(filepath.Dir(path), name)
		f, err := facts(path)
		if err != nil || f.Bundle != bundle || f.Library != p.Library || f.Target != on || !fit(f) {
			continue // and no plan of gigabytes is read for that
		}
		graph, _, _ := strings.Cut(name, ".")
		if later(found[graph].Path, path) {
			continue
		}
		if f, err = Known(path); err == nil && f.Bundle == bundle && fit(f) {
			found[graph] = Found{path, f.Sum}
		}
	}
	return found, nil
}

// later says whether the plan at path was built after the one at than.
func later(path, than string) bool {
	if path == "" {
		return false
	}
	a, err := os.Stat(path)
	b, other := os.Stat(than)
	return err == nil && other == nil && a.ModTime().After(b.ModTime())
}
