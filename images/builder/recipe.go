// Package builder assembles a function's OCI image from files of this machine, without Docker: programs with the closure
// of their shared libraries, single files, and a small base. What comes out is reproducible: the same input files give
// the same digest, and layers that two images have in common are the same layer.
package builder

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Recipe is an image.yaml.
type Recipe struct {
	Name       string            `yaml:"name"`       // reference without registry, "videosdgx/wan21:latest"
	User       string            `yaml:"user"`       // "uid:gid"; default 65534:65534
	Entrypoint []string          `yaml:"entrypoint"` // the function's program inside the image; needed
	Cmd        []string          `yaml:"cmd"`        // its arguments, which a manifest's args replace
	WorkDir    string            `yaml:"workDir"`    // default /
	Env        map[string]string `yaml:"env"`        // variables
	Labels     map[string]string `yaml:"labels"`     // of the image
	Layers     []LayerRecipe     `yaml:"layers"`     // bottom first
}

// LayerRecipe is one layer, bottom first. Files that an earlier layer of the image already has are left out of it.
type LayerRecipe struct {
	Base     bool       `yaml:"base"`     // folders, /etc/passwd, CA certificates, name service, time zones
	Programs []string   `yaml:"programs"` // looked up on the PATH and behind shims, put under /usr/bin, with their libraries; python with its own
	Files    []FileItem `yaml:"files"`    // files and folders, with the libraries of programs
}

// FileItem copies one file or one folder; ELF files bring the closure of their libraries along. Of folders __pycache__, .git
// and .venv are left out.
// From is a path relative to the recipe, an absolute one, or "bin:NAME" (beside the videosdgx binary), "lib:NAME" (a
// library that the loader or VideosDGX's own prefix has).
type FileItem struct {
	From string `yaml:"from"` // a file or folder: relative to the recipe, absolute, bin:NAME or lib:NAME
	To   string `yaml:"to"`   // its absolute path in the image
}

// ReadRecipe reads DIR/image.yaml; unknown fields and missing parts are errors that name the file.
func ReadRecipe(dir string) (*Recipe, error) {
	path := filepath.Join(dir, "image.yaml")
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s has no image.yaml: name a folder such as images/wan21", dir)
	}
	if err != nil {
		return nil, err
	}
	r := &Recipe{User: "65534:65534", WorkDir: "/"}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func (r *Recipe) validate() error {
	switch {
	case r.Name == "":
		return errors.New("name is missing: write a reference such as videosdgx/wan21:latest")
	case len(r.Entrypoint) == 0:
		return errors.New("entrypoint is missing: name the function's program inside the image")
	case len(r.Layers) == 0:
		return errors.New("layers is empty: start with one that says base: true")
	}
	for _, l := range r.Layers {
		for _, f := range l.Files {
			if f.From == "" || !strings.HasPrefix(f.To, "/") || filepath.Clean(f.To) != f.To {
				return fmt.Errorf("file %q to %q: from must be given and to must be a clean absolute path", f.From, f.To)
			}
		}
	}
	return nil
}
