package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// word has one meaning in the whole tree, so that a type or a function bears it only where that is meant.
type word struct {
	word, means string
	in          []string
}

var words = []word{
	{"answer", "what a function gives back for an event", []string{"bench", "functions/handler", "images", "runtime/gateway/gatewaytest", "runtime/gateway/url",
		"runtime/instance", "runtime/jobs", "runtime/rapi", "runtime/sandbox/sandboxtest", "runtime/snapshots", "runtime/spec"}},
	{"clip", "a video, with or without sound, that a model made or makes", []string{"bench", "cmd", "functions/handler", "functions/inference/bundle", "functions/inference/kernels/fuse",
		"functions/inference/vae", "functions/ltx2", "functions/magi1", "functions/media", "functions/serve", "functions/wan", "functions/waver",
		"runtime/client", "runtime/gateway/rest", "runtime/jobs", "runtime/ui"}},
	{"problem", "an error as its caller is told of it: status, kind and sentence", []string{"functions/handler", "runtime/gateway", "runtime/jobs"}},
	{"record", "what is kept of a thing for as long as it is there, or for good", []string{"functions/inference/weights", "runtime/audit", "runtime/auth/keys", "runtime/events",
		"runtime/gateway/access", "runtime/registry", "runtime/sandbox/containerd", "snapshotter/catalog"}},
}

// TestWordsHaveOneMeaning looks at the names of types and functions. A room that is not in a word's list means something
// else by it: another name would do, or its line here wants the room.
func TestWordsHaveOneMeaning(t *testing.T) {
	used := map[string]bool{}
	for _, file := range sources(t) {
		for _, name := range declared(t, file) {
			for _, w := range words {
				if !slices.Contains(partsOf(name), w.word) {
					continue
				}
				if used[w.word] = true; !underAny(path.Dir(file), w.in) {
					t.Errorf("%s declares %s, but the word means %s", file, name, w.means)
				}
			}
		}
	}
	for _, w := range words {
		if !used[w.word] {
			t.Errorf("nothing is named by %s: its line can go", w.word)
		}
	}
}

func TestPartsOfNames(t *testing.T) {
	for name, want := range map[string]string{"ErrAnswer": "err answer", "errBadAnswer": "err bad answer", "answers": "answer", "ClipSize": "clip size",
		"CLIP": "", "CLIPConfig": "config", "HTTPProblem": "problem", "videoOfCLIP": "video of", "x": "x"} {
		if got := strings.Join(partsOf(name), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// sources lists the tree's Go files, without those of tests.
func sources(t *testing.T) []string { return slices.DeleteFunc(goFiles(t), isTest) }

func isTest(file string) bool { return strings.HasSuffix(file, "_test.go") }

func goFiles(t *testing.T) (files []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("../../.."), ".", func(p string, d fs.DirEntry, err error) error {
		if name := d.Name(); d.IsDir() && p != "." && (strings.HasPrefix(name, ".") || name == "node_modules") {
			return fs.SkipDir
		} else if strings.HasSuffix(name, ".go") {
			files = append(files, p)
		}
		return err
	})
	if err != nil || len(files) < 500 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

// declared names the types, functions and methods of a file.
func declared(t *testing.T, file string) (names []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../../../"+file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names = append(names, d.Name.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if s, ok := s.(*ast.TypeSpec); ok {
					names = append(names, s.Name.Name)
				}
			}
		}
	}
	return names
}

var part = regexp.MustCompile(`[A-Z]?[a-z0-9]+|[A-Z]+[a-z0-9]*`)

// partsOf gives the words that a name is made of, in small letters and in the singular. What is all capitals, alone or before
// a word, is a name of somebody else's.
func partsOf(name string) (parts []string) {
	for _, p := range part.FindAllString(name, -1) {
		small := strings.IndexFunc(p, unicode.IsLower)
		switch {
		case small < 0 && len(p) > 1:
			continue
		case small > 1:
			p = p[small-1:]
		}
		parts = append(parts, strings.TrimSuffix(strings.ToLower(p), "s"))
	}
	return parts
}
