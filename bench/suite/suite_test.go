package suite

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// TestProgramsRun builds every program and runs it once with tiny n, so that none rots. With VIDEOSDGX_TEST_BIN the
// binaries there are taken, else they are built; containers are used where VIDEOSDGX_TEST_CONTAINERD asks for them.
func TestProgramsRun(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	dir := t.TempDir()
	bin := filepath.Join(os.Getenv("VIDEOSDGX_TEST_BIN"), "videosdgx")
	if os.Getenv("VIDEOSDGX_TEST_BIN") == "" {
		if bin, err = harness.Build(ctx, dir); err != nil {
			t.Fatal(err)
		}
	}
	driver := "process"
	if os.Getenv("VIDEOSDGX_TEST_CONTAINERD") != "" {
		driver = "containerd"
	}
	if err := build(ctx, dir, Programs); err != nil {
		t.Fatal(err)
	}
	all := &Results{Time: time.Now(), Machine: "a machine, 2 cores"}
	for _, p := range Programs {
		t.Run(p.Name, func(t *testing.T) {
			var out, errs bytes.Buffer
			r, err := p.run(ctx, dir, Options{Binary: bin, Driver: driver, Cache: dir, Out: &out, Err: &errs}, p.Tiny)
			if err != nil {
				t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
			}
			if r.Bench != p.Name || len(r.Figures) == 0 {
				t.Errorf("report %+v", r)
			}
			all.Reports = append(all.Reports, r)
		})
	}
	saved(t, all)
}

// saved writes and reads the results.
func saved(t *testing.T, all *Results) {
	base, err := all.Save(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	back, err := Load(base + ".json")
	if err != nil || len(back.Reports) != len(all.Reports) {
		t.Fatalf("%v %v", back, err)
	}
	page, err := os.ReadFile(base + ".html")
	if err != nil || strings.Count(string(page), "<h2>") != len(all.Reports) {
		t.Errorf("the page has not every report: %v", err)
	}
}

// TestEveryProgramIsRun fails when a folder under bench is neither in the suite nor known to need more than it has.
func TestEveryProgramIsRun(t *testing.T) {
	elsewhere := map[string]string{
		"gpu": "needs a GPU", "judge": "a measure of clips, with tests of its own", "jobs": "its own load, minutes long",
		"restore": "needs CRIU", "compare": "reads results", "harness": "a library", "plot": "a library", "suite": "a library", "results": "files",
	}
	folders, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if f.IsDir() && elsewhere[f.Name()] == "" && !slices.Contains(Names(), f.Name()) {
			t.Errorf("bench/%s is run by nobody", f.Name())
		}
	}
}

func TestUnknownProgramsAreNamed(t *testing.T) {
	if _, err := selected([]string{"worm"}); err == nil || !strings.Contains(err.Error(), "warm") {
		t.Error(err)
	}
}
