package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/videosdgx/videosdgx"

// pkg is what go list says of a package.
type pkg struct {
	ImportPath, Doc, Name              string
	Standard                           bool
	Imports, TestImports, XTestImports []string
	GoFiles                            []string

	Outside []string `json:"-"` // what Imports had from outside the module
}

func (p pkg) path() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// packages lists the module's packages. Imports keeps the module's own, shortened, and TestImports what their tests
// import of the module; Outside has the rest of Imports.
func packages(t *testing.T) []pkg {
	t.Helper()
	ps := list(t, "./...")
	for i := range ps {
		p := &ps[i]
		p.TestImports, _ = split(append(p.TestImports, p.XTestImports...))
		p.Imports, p.Outside = split(p.Imports)
	}
	return ps
}

func split(imports []string) (own, outside []string) {
	for _, imp := range imports {
		if rest, ok := strings.CutPrefix(imp, module+"/"); ok {
			own = append(own, rest)
		} else {
			outside = append(outside, imp)
		}
	}
	return own, outside
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Doc,Name,Standard,Imports,TestImports,XTestImports,GoFiles"}, args...)...)
	cmd.Dir = "../../.."
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ps []pkg
	for d := json.NewDecoder(out); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	if err := cmd.Wait(); err != nil || len(ps) == 0 {
		t.Fatalf("go list: %d packages, %v", len(ps), err)
	}
	return ps
}

// TestEveryPackageSaysWhatItIs asks for a package comment.
func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package comment", p.path())
		}
	}
}
