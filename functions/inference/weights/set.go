package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Set is the tensors of one model component, wherever they lie: in one file or in shards.
type Set struct {
	name  string // for messages
	files []*File
	where map[string]*File
	meta  map[string]string
}

// OpenSet opens the weights in dir: the shards of its index, else its single *.safetensors file; of several variants
// ("model.fp16.safetensors") the best there is. A folder without weights gives an empty set.
func OpenSet(dir string) (*Set, error) { return OpenVariant(dir, "") }

// OpenVariant is OpenSet for the variant that is asked for; errdefs.ErrNotFound when the folder has others only.
func OpenVariant(dir, variant string) (*Set, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read checkpoint folder: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	name, err := pick(dir, names, variant)
	switch {
	case err != nil || name == "":
		return &Set{name: dir}, err
	case strings.HasSuffix(name, ".json"):
		return openShards(filepath.Join(dir, name))
	}
	return openSingle(filepath.Join(dir, name))
}

func openSingle(path string) (*Set, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	s := &Set{name: path, files: []*File{f}, where: map[string]*File{}, meta: f.Metadata()}
	for _, n := range f.Names() {
		s.where[n] = f
	}
	return s, nil
}

func openShards(index string) (*Set, error) {
	raw, err := os.ReadFile(index)
	if err != nil {
		return nil, fmt.Errorf("cannot read shard index: %w", err)
	}
	var doc struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil || len(doc.WeightMap) == 0 {
		return nil, &FormatError{File: index, Reason: "not a shard index: it has no weight_map"}
	}
	s := &Set{name: index, where: map[string]*File{}, meta: map[string]string{}}
	if err := s.addShards(index, doc.WeightMap); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Set) addShards(index string, weightMap map[string]string) error {
	open := map[string]*File{}
	for _, name := range slices.Sorted(maps.Keys(weightMap)) {
		shard := weightMap[name]
		if shard != filepath.Base(shard) || shard == ".." || shard == "." {
			return &FormatError{File: index, Tensor: name, Reason: fmt.Sprintf("%q is no file name", shard)}
		}
		f := open[shard]
		if f == nil {
			var err error
			if f, err = Open(filepath.Join(filepath.Dir(index), shard)); err != nil {
				return err
			}
			open[shard] = f
			s.files = append(s.files, f)
			maps.Copy(s.meta, f.Metadata())
		}
		if _, err := f.Info(name); err != nil {
			return &FormatError{File: f.Path(), Tensor: name, Reason: "the shard index promises it here, the file has none"}
		}
		s.where[name] = f
	}
	return nil
}

// Names lists the tensors, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.where)) }

// Has says whether there is a tensor of that name.
func (s *Set) Has(name string) bool { return s.where[name] != nil }

// Metadata merges the files' __metadata__.
func (s *Set) Metadata() map[string]string { return s.meta }

// Notes says what is odd about the files and does no harm unless it is used, each with the file's name.
func (s *Set) Notes() []string {
	var all []string
	for _, f := range s.files {
		for _, n := range f.Notes() {
			all = append(all, filepath.Base(f.path)+": "+n)
		}
	}
	return all
}

// Files lists the open files.
func (s *Set) Files() []*File { return s.files }

// Info describes a tensor; errdefs.ErrNotFound when there is none of that name.
func (s *Set) Info(name string) (Info, error) {
	f := s.where[name]
	if f == nil {
		return Info{}, missing(s.name, name)
	}
	return f.Info(name)
}

// Float32 reads a tensor and converts it to float32 in row-major order.
func (s *Set) Float32(name string) ([]float32, error) {
	f := s.where[name]
	if f == nil {
		return nil, missing(s.name, name)
	}
	return f.Float32(name)
}

// ReadFloat32 reads a part of a tensor, as File.ReadFloat32 does.
func (s *Set) ReadFloat32(name string, at int64, dst []float32) error {
	f := s.where[name]
	if f == nil {
		return missing(s.name, name)
	}
	return f.ReadFloat32(name, at, dst)
}

// Raw reads a tensor's bytes as they lie in the file.
func (s *Set) Raw(name string) ([]byte, error) {
	f := s.where[name]
	if f == nil {
		return nil, missing(s.name, name)
	}
	return f.Raw(name)
}

// Close closes all files.
func (s *Set) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
