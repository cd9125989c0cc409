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
	ctx, cancel := context.WithTimeout(t.Context(), 14*time.Minute)
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
	s := stand{programs: dir, binary: bin}
	if err := s.build(ctx, programs()); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	o := Options{Binary: bin, Driver: driver, Cache: dir, Tiny: true, Out: &errs, Err: &errs}
	reports, err := play(ctx, o, players(s, programs()))
	t.Log(errs.String())
	if err != nil {
		t.Error(err)
	}
	if len(reports) != len(programs()) {
		t.Errorf("%d of %d programs have reported", len(reports), len(programs()))
	}
	for _, r := range reports {
		if len(r.Figures) == 0 || r.Commit == "" || r.Machine == "" {
			t.Errorf("report %+v", r)
		}
	}
	saved(t, &Results{Time: time.Now(), Machine: "a machine, 2 cores", Reports: reports})
}

// programs are the suite's and those that are not in it because they take too long or need more than every machine has.
func programs() []Program {
	all := append(slices.Clone(Programs), Program{Name: "jobs", Tiny: "-kills 2 -queued 40 -watchers 3 -redis-kills 5", NoDriver: true},
		Program{Name: "lora", Tiny: "-n 1 -warmup 0 -rank 1"},
		Program{Name: "steps", Tiny: "-n 1 -predictions 2 -frames 9", NoServer: true, NoDriver: true},
		Program{Name: "stream", Tiny: "-rounds 1 -steps 4 -brief 1 -long 2", NoServer: true, NoDriver: true},
		Program{Name: "sizes", Tiny: "-layers 1 -heads 2 -formats nf4", NoServer: true, NoDriver: true})
	if os.Getenv("VIDEOSDGX_TEST_CONTAINERD") != "" && os.Getenv("VIDEOSDGX_TEST_CRIU") != "" {
		all = append(all, Program{Name: "restore", Tiny: "-n 1 -warmup 0 -only echo"})
	}
	return all
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
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all.Reports {
		if !strings.Contains(string(page), "<h2>"+r.Bench+"</h2>") {
			t.Errorf("the page has nothing of %s", r.Bench)
		}
	}
}

// TestEveryProgramIsRun fails when a folder under bench is neither in the suite nor known to need more than it has.
func TestEveryProgramIsRun(t *testing.T) {
	elsewhere := map[string]string{
		"gpu": "needs a GPU", "judge": "a measure of clips, with tests of its own", "jobs": "minutes long; TestProgramsRun has it",
		"restore": "needs CRIU; TestProgramsRun has it where that is", "compare": "reads results",
		"keep": "a minute, and it builds another commit; backups have tests of their own", "hostile": "minutes of attacks, each a test of its own where it belongs", "quality": "half an hour of clips", "quant": "minutes; kernels and codecs have tests of their own", "lora": "minutes of cold starts; TestProgramsRun has it", "steps": "minutes of clips; TestProgramsRun has it",
		"sizes": "bundles of many gigabytes; TestProgramsRun has a small one", "stream": "minutes of clips; TestProgramsRun has it", "harness": "a library", "plot": "a library", "suite": "a library", "results": "files",
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
