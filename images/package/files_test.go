package pkgfiles

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// declared are the names of metrics in the sources of the runtime.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	names, form := map[string]bool{}, regexp.MustCompile(`"(videosdgx_[a-z_]+)"`)
	err := filepath.WalkDir("../../runtime", func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(at, ".go") || strings.HasSuffix(at, "_test.go") {
			return err
		}
		b, err := os.ReadFile(at)
		for _, m := range form.FindAllSubmatch(b, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var used = regexp.MustCompile(`\bvideosdgx_[a-z_]+`)

func check(t *testing.T, file, expr string, names map[string]bool) {
	t.Helper()
	for _, name := range used.FindAllString(expr, -1) {
		for _, tail := range []string{"_bucket", "_sum", "_count"} {
			if short := strings.TrimSuffix(name, tail); names[short] {
				name = short
			}
		}
		if !names[name] {
			t.Errorf("%s asks for %s, which nobody measures", file, name)
		}
	}
}

func TestAlertsAndDashboardAskForWhatIsMeasured(t *testing.T) {
	names := declared(t)
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	b, err := os.ReadFile("alerts.yaml")
	if err == nil {
		err = yaml.Unmarshal(b, &rules)
	}
	if err != nil || len(rules.Groups) == 0 || len(rules.Groups[0].Rules) < 5 {
		t.Fatalf("%+v %v", rules, err)
	}
	for _, r := range rules.Groups[0].Rules {
		check(t, r.Alert, r.Expr, names)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if b, err = os.ReadFile("grafana.json"); err == nil {
		err = json.Unmarshal(b, &board)
	}
	if err != nil || len(board.Panels) < 8 {
		t.Fatalf("%d panels, %v", len(board.Panels), err)
	}
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			check(t, p.Title, q.Expr, names)
		}
	}
}

// TestTools has the programs that read the files look at them, where they are installed.
func TestTools(t *testing.T) {
	for tool, args := range map[string][]string{"promtool": {"check", "rules", "alerts.yaml"}, "systemd-analyze": {"--version"}} {
		bin, err := exec.LookPath(tool)
		if err != nil {
			t.Logf("%s is not installed", tool)
			continue
		}
		if out, err := exec.Command(bin, args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", tool, err, out)
		}
	}
}
