package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"strings"
	"testing"
)

// What is longer has more than one reason to change, or reads as if it had.
const (
	maxFile     = 300 // lines
	maxFunction = 60  // lines
)

// TestFilesAndFunctionsAreShort looks at all that is no test.
func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, file := range sources(t) {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "../../../"+file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if n := fset.File(f.Pos()).LineCount(); n > maxFile+1 {
			t.Errorf("%s has %d lines, %d at most", file, n-1, maxFile)
		}
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				if n := fset.Position(d.End()).Line - fset.Position(d.Pos()).Line + 1; n > maxFunction {
					t.Errorf("%s: %s has %d lines, %d at most", file, d.Name.Name, n, maxFunction)
				}
			}
		}
	}
}

// TestFamiliesStaySmall keeps what the shared rooms are for: a family of models is little beside them, and a new one, in a
// test of functions/serve, is a page or two.
func TestFamiliesStaySmall(t *testing.T) {
	lines := func(match func(file string) bool) (n int) {
		for _, file := range goFiles(t) {
			if match(file) {
				text, err := os.ReadFile("../../../" + file)
				if err != nil {
					t.Fatal(err)
				}
				n += strings.Count(string(text), "\n")
			}
		}
		return n
	}
	if n := lines(func(f string) bool { return under(path.Dir(f), "functions/wan21") && !isTest(f) }); n == 0 || n > 1200 {
		t.Errorf("functions/wan21 has %d lines, 1200 at most", n)
	}
	if n := lines(func(f string) bool { return f == "functions/serve/toy_test.go" }); n == 0 || n > 150 {
		t.Errorf("the toy family has %d lines, 150 at most", n)
	}
}
