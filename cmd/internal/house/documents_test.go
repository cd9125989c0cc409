package house

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var (
	fenced  = regexp.MustCompile("(?s)```.*?```")
	quoted  = regexp.MustCompile("`([^`\n]+)`")
	aPath   = regexp.MustCompile(`^(?:[a-z0-9_-]+/)+[a-z0-9_-]*(?:\.[a-z]+)?$`)
	aSource = regexp.MustCompile(`^[\w/-]+\.(?:go|js|py|cu)$`)
	aName   = regexp.MustCompile(`^((?:[a-z0-9_-]+/)*)([a-z0-9]+)\.([A-Za-z]\w*(?:\.\w+)?)$`)
)

// TestWhatDocumentsNameIsThere reads what stands between backquotes in every document: paths from the top of the tree, source
// files by their names, and package.Name of packages of this tree.
func TestWhatDocumentsNameIsThere(t *testing.T) {
	tree := treeOf(t)
	seen := 0
	for _, doc := range tree.documents {
		text, err := os.ReadFile("../../../" + doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range quoted.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1) {
			known, why := tree.knows(t, q[1])
			if known {
				seen++
			}
			if why != "" {
				t.Errorf("%s names `%s`: %s", doc, q[1], why)
			}
		}
	}
	if seen < 150 {
		t.Errorf("only %d names were looked at", seen)
	}
}

func TestADocumentsNamesAreLookedAt(t *testing.T) {
	tree := treeOf(t)
	for name, wrong := range map[string]bool{
		"runtime/near": false, "runtime/nowhere": true, "runtime/near/near.go": false, "near.go": false, "nowhere.go": true, "near.Names": false,
		"near.Nowhere": true, "runtime/near.Names": false, "runtime/near.Nowhere": true, "runtime/near.distance": false, "runtime/near.nothing": true, "dispatch.Dispatcher.Invoke": false, "dispatch.Dispatcher.Nothing": true,
		"/v1/jobs": false, "Math.random": false, "rand.Source": false, "url.auth": false,
	} {
		if _, why := tree.knows(t, name); (why != "") != wrong {
			t.Errorf("%s: %q", name, why)
		}
	}
}

// whole is all that documents may name.
type whole struct {
	documents []string
	paths     map[string]bool     // files and folders
	sources   map[string]bool     // names of files
	packages  map[string][]string // folders with Go, by the last part of their paths
	code      functions
	names     map[string][]string // that packages declare, by folder
}

func treeOf(t *testing.T) whole {
	t.Helper()
	w := whole{paths: map[string]bool{}, sources: map[string]bool{}, packages: map[string][]string{}, code: functions{}, names: map[string][]string{}}
	err := fs.WalkDir(os.DirFS("../../.."), ".", func(p string, d fs.DirEntry, err error) error {
		if name := d.Name(); d.IsDir() && p != "." && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "bin" || name == "shared") {
			return fs.SkipDir
		}
		w.paths[p], w.sources[d.Name()] = true, true
		switch dir := path.Dir(p); {
		case strings.HasSuffix(p, ".md"):
			w.documents = append(w.documents, p)
		case strings.HasSuffix(p, ".go") && !slices.Contains(w.packages[path.Base(dir)], dir):
			w.packages[path.Base(dir)] = append(w.packages[path.Base(dir)], dir)
		}
		return err
	})
	if err != nil || len(w.documents) < 10 {
		t.Fatal(w.documents, err)
	}
	return w
}

// knows says whether a name is of a kind that is looked at, and why it is none of this tree's.
func (w whole) knows(t *testing.T, name string) (known bool, why string) {
	t.Helper()
	top, _, below := strings.Cut(name, "/")
	if n := aName.FindStringSubmatch(name); n != nil && (unicode.IsUpper(rune(n[3][0])) || len(w.packages[n[2]]) > 0 && w.paths[n[1]+n[2]]) {
		return w.declares(t, n[1]+n[2], n[2], n[3])
	}
	switch {
	case aPath.MatchString(name) && below && w.paths[top]:
		if !w.paths[strings.TrimSuffix(name, "/")] {
			return true, "there is no such path"
		}
		return true, ""
	case aSource.MatchString(name):
		if !w.sources[path.Base(name)] {
			return true, "there is no such file"
		}
		return true, ""
	}
	return false, ""
}

// declares looks in the packages of that path, or where it is only a package's name in all that are called so. One that is none
// of this tree's is somebody else's.
func (w whole) declares(t *testing.T, at, last, name string) (known bool, why string) {
	t.Helper()
	dirs := slices.DeleteFunc(slices.Clone(w.packages[last]), func(dir string) bool { return at != last && !strings.HasSuffix("/"+dir, "/"+at) })
	if len(dirs) == 0 {
		return false, ""
	}
	for _, dir := range dirs {
		if w.names[dir] == nil {
			for _, file := range goFiles(t) {
				if path.Dir(file) == dir && !isTest(file) {
					w.names[dir] = append(w.names[dir], declared(t, file)...)
				}
			}
		}
		if slices.Contains(w.names[dir], name) || w.code.of(t, dir)[name] != nil {
			return true, ""
		}
	}
	return true, "no package of that name declares it"
}
