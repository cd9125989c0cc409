package families

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/videosdgx/videosdgx/functions/serve"
)

// TestEveryFunctionIsOfAFamily holds the list to the tree: who has a function.yaml among functions is a model, and its family
// is here under that name with all that a family must have.
func TestEveryFunctionIsOfAFamily(t *testing.T) {
	manifests, err := filepath.Glob("../*/function.yaml")
	if err != nil || len(manifests) == 0 {
		t.Fatal(manifests, err)
	}
	for _, m := range manifests {
		name := filepath.Base(filepath.Dir(m))
		if _, ok := All().Named(name); !ok {
			t.Errorf("there is a function %s and no family of that name: it is in no command", name)
		}
	}
	if len(manifests) != len(All()) {
		t.Errorf("%d families have %d functions", len(All()), len(manifests))
	}
	for _, f := range All() {
		if f.Name == "" || len(f.Classes) == 0 || f.Recipe == nil || f.Open == nil {
			t.Errorf("%s cannot be built and opened: %+v", f.Name, f)
		}
	}
}

// TestACheckpointIsOfItsFamily reads the demo models and what families write of themselves.
func TestACheckpointIsOfItsFamily(t *testing.T) {
	checkpoints := map[string]string{"../../images/demo/wan21-tiny": "wan21", "../../images/demo/ltx2-tiny": "ltx2"}
	for _, name := range All().Names(func(f serve.Family) bool { return f.Tiny != nil }) {
		f, _ := All().Named(name)
		dir := filepath.Join(t.TempDir(), name)
		if err := f.Tiny(dir); err != nil {
			t.Fatal(err)
		}
		checkpoints[dir] = name
	}
	for dir, want := range checkpoints {
		if _, err := os.Stat(dir); err != nil {
			t.Fatal(err)
		}
		if f, err := All().Of(dir); err != nil || f.Name != want {
			t.Errorf("%s is of %q, not %s: %v", dir, f.Name, want, err)
		}
	}
}
