package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/bench/suite"
)

func file(t *testing.T, rounds []float64) string {
	r := harness.NewReport("warm")
	r.Observe("warm_p50_ms", rounds)
	b, err := json.Marshal(suite.Results{Commit: "c", Machine: "m", Reports: []*harness.Report{r}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "r.json")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCompare(t *testing.T) {
	quick := []float64{1, 1.1, 0.9, 1.05, 0.95, 1.02, 0.98, 1.01, 1.03, 0.97}
	slow := []float64{2, 2.1, 1.9, 2.05, 1.95, 2.02, 1.98, 2.01, 2.03, 1.97}
	var out bytes.Buffer
	if apart, err := run(&out, file(t, quick), file(t, slow)); err != nil || apart != 1 || !strings.Contains(out.String(), "+99.5 %") {
		t.Errorf("%d %v\n%s", apart, err, out.String())
	}
	out.Reset()
	again := []float64{1.01, 1.08, 0.92, 1.04, 0.96, 1.03, 0.99, 1.0, 1.02, 0.98}
	if apart, err := run(&out, file(t, quick), file(t, again)); err != nil || apart != 0 || !strings.Contains(out.String(), "~") {
		t.Errorf("%d %v\n%s", apart, err, out.String())
	}
	out.Reset()
	if apart, err := run(&out, file(t, quick), file(t, []float64{5, 5, 5})); err != nil || apart != 0 || !strings.Contains(out.String(), "too few rounds") {
		t.Errorf("%d %v\n%s", apart, err, out.String())
	}
	if _, err := run(&out, "/dev/null", file(t, quick)); err == nil {
		t.Error("an empty file passes")
	}
}
