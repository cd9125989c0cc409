package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/videosdgx/videosdgx/runtime/gateway/certs/certstest"
)

// TestPrometheusAnswersTheDashboard has a real Prometheus scrape two servers that work, and asks it everything that the
// dashboard and the alerts ask.
func TestPrometheusAnswersTheDashboard(t *testing.T) {
	tools := os.Getenv("VIDEOSDGX_TEST_PROMETHEUS")
	if tools == "" {
		t.Skip("VIDEOSDGX_TEST_PROMETHEUS names no folder with prometheus: images/setup/prometheus.sh makes one")
	}
	h := newHome(t, "process")
	h.wan21(need(t, bundle), "")
	h.function("echo", "echo", "")
	h.manifest("broken", "name: broken\ncommand: [/bin/false]\n")
	s := h.serve(t, "--backup", filepath.Join(t.TempDir(), "backups"), "--models-limit", "1GiB")
	other := newHome(t, "process")
	other.wan21(need(t, bundle), "")
	a := certstest.New(t, t.TempDir())
	cert, key := a.Issue(t, "server")
	second := other.serve(t, "--tls-cert", cert, "--tls-key", key)
	alerts := startAlertmanager(t, tools)
	p := startPrometheus(t, tools, alerts.addr, s.url, second.url, a.File)
	exprs, selectors := questions(t)
	s.untilJob(t, s.submit(t, request(`"prompt":"for the dashboard"`)).ID, "completed")
	for end := time.Now().Add(2 * patience); ; {
		for event, name := range map[string]string{`{}`: "echo", `{"fail":"x"}`: "echo", `{"exit":1}`: "echo", `{"a":1}`: "broken"} {
			s.do(t, "POST", "/2015-03-31/functions/"+name+"/invocations", event)
		}
		s.untilJob(t, s.submit(t, request(fmt.Sprintf(`"prompt":"now %d"`, time.Now().UnixNano()))).ID, "completed")
		none := append(p.silent(exprs), p.silent(selectors)...)
		if len(none) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no answer to %q", none)
		}
		time.Sleep(500 * time.Millisecond)
	}
	p.rulesAreWell(t)
	alerts.hear(t, "VideosDGXCertificateEnds", "videosdgx", "tlsCert") // that of the second server is good for a day
}

// questions are the expressions of the dashboard, and what those of the alerts select: while all is well an alert's own
// expression has no answer.
func questions(t *testing.T) (exprs, selectors []string) {
	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	b, err := os.ReadFile(filepath.Join(root, "images/package/grafana.json"))
	if err == nil {
		err = json.Unmarshal(b, &board)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			exprs = append(exprs, q.Expr)
		}
	}
	var rules struct {
		Groups []struct{ Rules []struct{ Expr string } }
	}
	if b, err = os.ReadFile(filepath.Join(root, "images/package/alerts.yaml")); err == nil {
		err = yaml.Unmarshal(b, &rules)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			for _, sel := range regexp.MustCompile(`\b(videosdgx|process)_\w+(\{[^}]*\})?|\bup\{[^}]*\}`).FindAllString(r.Expr, -1) {
				if !strings.Contains(sel, `outcome="dead"`) || strings.Contains(sel, "jobs_total") { // those are there from the start
					selectors = append(selectors, sel)
				}
			}
		}
	}
	if len(exprs) < 15 || len(selectors) < 15 {
		t.Fatalf("%d expressions, %d selectors", len(exprs), len(selectors))
	}
	return exprs, selectors
}

// prom is a running Prometheus.
type prom struct{ url string }

// startPrometheus scrapes two servers, the second by TLS, once a second, and tells an Alertmanager.
func startPrometheus(t *testing.T, tools, alerts, plain, secure, ca string) *prom {
	t.Helper()
	dir := t.TempDir()
	rules, err := filepath.Abs(filepath.Join(root, "images/package/alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
scrape_configs:
  - {job_name: videosdgx, static_configs: [{targets: [%q]}]}
  - {job_name: secure, scheme: https, tls_config: {ca_file: %q}, static_configs: [{targets: [%q]}], relabel_configs: [{target_label: job, replacement: videosdgx}]}
`, rules, alerts, strings.TrimPrefix(plain, "http://"), ca, strings.TrimPrefix(secure, "https://"))
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(tools, "promtool"), "check", "config", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	addr := runTool(t, tools, "prometheus", "--config.file", file, "--storage.tsdb.path", filepath.Join(dir, "tsdb"))
	p := &prom{"http://" + addr}
	until(t, "Prometheus is ready", func() bool {
		resp, err := http.Get(p.url + "/-/ready")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
	return p
}

// get reads an answer of the API.
func (p *prom) get(path string, into any) error {
	resp, err := http.Get(p.url + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

// silent are the questions that have no answer, or none that is a number.
func (p *prom) silent(questions []string) (none []string) {
	for _, q := range questions {
		var a struct {
			Status, Error string
			Data          struct{ Result []struct{ Value [2]any } }
		}
		err := p.get("/api/v1/query?query="+url.QueryEscape(q), &a)
		numbers := 0
		for _, r := range a.Data.Result {
			if text, ok := r.Value[1].(string); ok {
				if f, perr := strconv.ParseFloat(text, 64); perr == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
					numbers++
				}
			}
		}
		if err != nil || a.Status != "success" || numbers == 0 {
			none = append(none, q+" "+a.Error)
		}
	}
	return none
}

func (p *prom) rulesAreWell(t *testing.T) {
	t.Helper()
	var a struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := p.get("/api/v1/rules", &a); err != nil || len(a.Data.Groups) == 0 {
		t.Fatalf("%+v %v", a, err)
	}
	for _, g := range a.Data.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" {
				t.Errorf("%s: %s %s", r.Name, r.Health, r.LastError)
			}
		}
	}
}
