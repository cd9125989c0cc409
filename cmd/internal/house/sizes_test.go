package house

import (
	"go/ast"
	"go/parser"
	"go/token"
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
