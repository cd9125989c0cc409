// Package manual is what a person needs to write a function: a folder to begin with, every field of function.yaml and
// image.yaml, and a JSON schema for editors. Fields are read from the code that decodes them, see TestUpToDate.
package manual

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed all:scaffold
var scaffold embed.FS

// Schema is function.schema.json, Fields the tables of all fields in Markdown.
var (
	//go:embed function.schema.json
	Schema []byte
	//go:embed FIELDS.md
	Fields string
)

// Languages are what a function can be begun in; image is one that exists already.
var Languages = []string{"go", "image", "node", "python"}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Begin writes the files of a new function into a folder, which it makes. No file that is there is touched.
func Begin(dir, language string) ([]string, error) {
	if !slices.Contains(Languages, language) {
		return nil, fmt.Errorf("there is no language %q to begin with: take one of %s", language, strings.Join(Languages, ", "))
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(abs)
	if !nameForm.MatchString(name) {
		return nil, fmt.Errorf("the folder gives the function its name, and %q is none: take up to 64 letters, digits, - and _", name)
	}
	files, err := files(language, name)
	if err != nil {
		return nil, err
	}
	for file := range files {
		if _, err := os.Lstat(filepath.Join(dir, file)); err == nil {
			return nil, fmt.Errorf("%s is there already: begin in another folder", filepath.Join(dir, file))
		}
	}
	return write(dir, files)
}

// files are a language's, by name, with the function's name in them.
func files(language, name string) (map[string][]byte, error) {
	all := map[string][]byte{"function.schema.json": Schema}
	root := path.Join("scaffold", language)
	entries, err := fs.ReadDir(scaffold, root)
	for _, e := range entries {
		text, err := scaffold.ReadFile(path.Join(root, e.Name()))
		if err != nil {
			return nil, err
		}
		all[strings.TrimSuffix(e.Name(), ".txt")] = []byte(strings.ReplaceAll(string(text), "NAME", name))
	}
	return all, err
}

func write(dir string, files map[string][]byte) (names []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for name, text := range files {
		mode := fs.FileMode(0o644)
		if name == "bootstrap" {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, mode); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}
