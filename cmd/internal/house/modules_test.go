package house

import (
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
)

var majorVersion = regexp.MustCompile(`/v\d+$`)

// TestEveryDependencyHasAReason looks for the last word of each direct requirement in the table of runtime/README.md.
func TestEveryDependencyHasAReason(t *testing.T) {
	text, err := os.ReadFile("../../../runtime/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "## Dependencies")
	if !found {
		t.Fatal("runtime/README.md has no section on dependencies")
	}
	cmd := exec.Command("go", "list", "-m", "-f", "{{if not (or .Indirect .Main)}}{{.Path}}{{end}}", "all")
	cmd.Dir = "../../.."
	out, err := cmd.Output()
	modules := strings.Fields(string(out))
	if err != nil || len(modules) == 0 {
		t.Fatalf("go list -m: %d modules, %v", len(modules), err)
	}
	for _, m := range modules {
		name := path.Base(majorVersion.ReplaceAllString(m, ""))
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(table) {
			t.Errorf("%s is a direct dependency; the table in runtime/README.md does not say why", m)
		}
	}
}
