package pkgfiles

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"go.yaml.in/yaml/v3"
)

// declared are the names of metrics in the sources of the runtime.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	names, form := map[string]bool{}, regexp.MustCompile(`"(videosdgx_[a-z_]+)"`)
	look := func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(at, ".go") || strings.HasSuffix(at, "_test.go") {
			return err
		}
		b, err := os.ReadFile(at)
		for _, m := range form.FindAllSubmatch(b, -1) {
			names[string(m[1])] = true
		}
		return err
	}
	for _, dir := range []string{"../../runtime", "../../cmd/internal/daemon"} {
		if err := filepath.WalkDir(dir, look); err != nil {
			t.Fatal(err)
		}
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

// TestGrafanaTakesTheDashboard holds the dashboard to Grafana's own schema: strictly, fields that it does not know included.
func TestGrafanaTakesTheDashboard(t *testing.T) {
	known := cog.NewRuntime()
	known.RegisterPanelcfgVariant(timeseries.VariantConfig())
	known.RegisterDataqueryVariant(prometheus.VariantConfig())
	b, err := os.ReadFile("grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board dashboard.Dashboard
	err = board.UnmarshalJSONStrict(b)
	if err == nil {
		err = board.Validate()
	}
	if err != nil && err.Error() != "" { // of valid ones it says an error without text
		t.Fatal(err)
	}
	if board.Uid == nil || len(board.Panels) < 12 {
		t.Errorf("%d panels", len(board.Panels))
	}
	wrong := strings.Replace(string(b), `"gridPos"`, `"gridPoss"`, 1)
	if new(dashboard.Dashboard).UnmarshalJSONStrict([]byte(wrong)) == nil {
		t.Error("a field that Grafana does not know is taken")
	}
}

// TestAlertsFire has Prometheus' own tool play through when each alert fires.
func TestAlertsFire(t *testing.T) {
	tools := os.Getenv("VIDEOSDGX_TEST_PROMETHEUS")
	if tools == "" {
		t.Skip("VIDEOSDGX_TEST_PROMETHEUS names no folder with promtool: images/setup/prometheus.sh makes one")
	}
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		if out, err := exec.Command(filepath.Join(tools, "promtool"), args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v: %s", args, err, out)
		}
	}
	rules, err := os.ReadFile("alerts.yaml")
	played, perr := os.ReadFile("alerts_test.yaml")
	if err != nil || perr != nil {
		t.Fatal(err, perr)
	}
	for _, m := range regexp.MustCompile(`alert: (\w+)`).FindAllSubmatch(rules, -1) {
		if !strings.Contains(string(played), string(m[1])) {
			t.Errorf("nothing in alerts_test.yaml makes %s fire", m[1])
		}
	}
}

// TestUnitLeavesMountsAndDevices keeps out of the unit what would hide the server's mounts from the system's containerd (systemd.exec(5)
// says of each that it makes a mount namespace: then no snapshot is restored, and what a function writes has no limit), what
// forbids containers a name of their own, and what closes devices.
func TestUnitLeavesMountsAndDevices(t *testing.T) {
	text, err := os.ReadFile("videosdgx.service")
	if err != nil {
		t.Fatal(err)
	}
	harmful := strings.Fields(`BindPaths BindReadOnlyPaths DeviceAllow DevicePolicy DynamicUser InaccessiblePaths MountFlags MountAPIVFS
		NoExecPaths PrivateDevices PrivateMounts PrivateTmp PrivateUsers ProcSubset ProtectClock ProtectControlGroups ProtectHome
		ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ProtectProc ProtectSystem ReadOnlyPaths ReadWritePaths
		RestrictNamespaces RootDirectory RootImage TemporaryFileSystem`)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if slices.Contains(harmful, name) && value != "no" {
			t.Errorf("%s=%s", name, value)
		}
	}
}

// TestUnitIsHardened asks systemd what it thinks of the unit, where it is installed.
func TestUnitIsHardened(t *testing.T) {
	bin, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("LEFT OUT: systemd-analyze is not installed")
	}
	// 9.6 is a unit that says nothing; what remains is what starting containers as root, among the machine's mounts, takes
	if out, err := exec.Command(bin, "security", "--offline=true", "--threshold=77", "videosdgx.service").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
