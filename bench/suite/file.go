package suite

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/plot"
)

// Save writes DIR/<date>-<machine>.json and .html, and the charts as images beside them. It gives the path without ending.
func (r *Results) Save(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	name := r.Time.Format("2006-01-02-150405") + "-" + slug(r.Machine)
	base := filepath.Join(dir, name)
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(base+".json", append(b, '\n'), 0o644); err != nil {
		return "", err
	}
	page, err := os.Create(base + ".html")
	if err != nil {
		return "", err
	}
	defer page.Close()
	if err := plot.Page(page, "VideosDGX benchmarks, "+r.Time.Format("2006-01-02"), r.Reports); err != nil {
		return "", err
	}
	return base, plot.Images(base, r.Reports)
}

var notPlain = regexp.MustCompile(`[^a-z0-9]+`)

// slug makes a machine's CPU and cores part of a file's name.
func slug(machine string) string {
	parts := strings.SplitN(machine, ",", 3)
	return strings.Trim(notPlain.ReplaceAllString(strings.ToLower(strings.Join(parts[:min(2, len(parts))], " ")), "-"), "-")
}

// Load reads a results file, or what a single bench program has printed.
func Load(path string) (*Results, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Results)
	if json.Unmarshal(b, r) == nil && len(r.Reports) > 0 {
		return r, nil
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	one := new(harness.Report)
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), one); err != nil || one.Bench == "" {
		return nil, fmt.Errorf("%s holds neither results of `videosdgx bench` nor the output of a bench program", path)
	}
	return &Results{Commit: one.Commit, Machine: one.Machine, Time: one.Time, Reports: []*harness.Report{one}}, nil
}
