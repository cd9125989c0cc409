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
	ImportPath, Doc, Name string
	Standard              bool
	Imports, GoFiles      []string
}

func (p pkg) path() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// packages lists the module's packages, with imports outside the module left out and the module's own shortened.
func packages(t *testing.T) []pkg {
	t.Helper()
	ps := list(t, "./...")
	for i := range ps {
		var own []string
		for _, imp := range ps[i].Imports {
			if rest, ok := strings.CutPrefix(imp, module+"/"); ok {
				own = append(own, rest)
			}
		}
		ps[i].Imports = own
	}
	return ps
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Doc,Name,Standard,Imports,GoFiles"}, args...)...)
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
