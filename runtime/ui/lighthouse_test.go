package ui_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/videosdgx/videosdgx/internal/browsertest"
)

// TestLighthouse holds every page to Lighthouse, which is no part of make test (it is 190 MB from npm, and takes minutes): accessibility
// and best practices have the whole score, as phones and as desktops see them, in both languages. Performance depends on what else
// the machine does, and is logged.
//
//	npm install --prefix DIR lighthouse@13.5.0
//	VIDEOSDGX_TEST_BROWSER=1 VIDEOSDGX_LIGHTHOUSE=DIR/node_modules/.bin/lighthouse go test ./runtime/ui -run TestLighthouse -v -timeout 30m
func TestLighthouse(t *testing.T) {
	program := os.Getenv("VIDEOSDGX_LIGHTHOUSE")
	if program == "" {
		t.Skip("NOT TESTED: VIDEOSDGX_LIGHTHOUSE names no Lighthouse")
	}
	browser, err := browsertest.Find()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, ended(t, 40))
	furnish(r)
	for _, as := range [][]string{{"phone"}, {"desktop", "--preset=desktop"}, {"phone-pt-BR", "--extra-headers", `{"Accept-Language":"pt-BR"}`}} {
		for _, part := range pages {
			t.Run(as[0]+"-"+part, func(t *testing.T) {
				lighthouse(t, program, browser, append([]string{r.url + "/?" + part + "#/" + part}, as[1:]...)).judge(t)
			})
		}
	}
}

// judge tells the scores, and fails for what costs any of accessibility or best practices.
func (r lighthouseReport) judge(t *testing.T) {
	t.Logf("performance %.0f, accessibility %.0f, best practices %.0f; first paint %.0f ms, largest %.0f ms, blocked %.0f ms, shift %.3f",
		100*r.Categories["performance"].Score, 100*r.Categories["accessibility"].Score, 100*r.Categories["best-practices"].Score,
		r.Audits["first-contentful-paint"].Value, r.Audits["largest-contentful-paint"].Value, r.Audits["total-blocking-time"].Value, r.Audits["cumulative-layout-shift"].Value)
	for _, category := range []string{"accessibility", "best-practices"} {
		for _, a := range r.Categories[category].Refs {
			if x := r.Audits[a.ID]; a.Weight > 0 && x.Score != nil && *x.Score < 1 {
				t.Errorf("%s (%s): %s", a.ID, x.Title, x.Details)
			}
		}
	}
}

type lighthouseReport struct {
	Categories map[string]struct {
		Score float64
		Refs  []struct {
			ID     string
			Weight float64
		} `json:"auditRefs"`
	}
	Audits map[string]struct {
		Title   string
		Score   *float64
		Value   float64 `json:"numericValue"`
		Details json.RawMessage
	}
}

func lighthouse(t *testing.T, program, browser string, args []string) (report lighthouseReport) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "report.json")
	args = slices.Concat(args, []string{"--output=json", "--output-path=" + out, "--quiet", "--only-categories=performance,accessibility,best-practices",
		"--chrome-flags=--headless=new --no-sandbox --disable-gpu", "--max-wait-for-load=20000"})
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "CHROME_PATH="+browser)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	b, err := os.ReadFile(out)
	if err == nil {
		err = json.Unmarshal(b, &report)
	}
	if err != nil || len(report.Categories) != 3 {
		t.Fatalf("%v: %.300s", err, b)
	}
	return report
}
