package bundle

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

func TestLicenceOfACheckpoint(t *testing.T) {
	for readme, want := range map[string]*weights.License{
		"":                          nil,
		"# a model\nlicense: mit\n": nil,
		"---\nlicense: apache-2.0\ntags: [x]\n---\nlicense: mit\n":                                           {Name: "apache-2.0"},
		"---\nlicense: other\nlicense_name: \"ltx-2-community\"\nlicense_link: https://example.com/x\n---\n": {Name: "ltx-2-community", Link: "https://example.com/x"},
		"---\nlicense: other\n---\n": {Name: "other"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte(readme), 0o600); err != nil {
			t.Fatal(err)
		}
		got := licenseOf(&weights.Checkpoint{Dir: dir})
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", readme, d)
		}
		said := licenseOf(&weights.Checkpoint{Dir: dir, Index: map[string]json.RawMessage{"license": json.RawMessage(`"MIT"`)}})
		if said == nil || said.Name != "MIT" {
			t.Errorf("%q: %+v", readme, said)
		}
	}
}
