// Package golden gives tests the inputs, weights and outputs of the reference implementations: files
// <case>.safetensors with tensors "w.<name>", "in.<name>", "out.<name>" and the reference's configuration as JSON in the
// metadata key "config". The committed files lie in testdata; GOLDENS=DIR reads another set, whose sizes, steps and
// shifts may differ: a test takes all of them from the file.
package golden

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Case is one open golden file.
type Case struct {
	*weights.File
	t testing.TB
}

// Open opens a case by name, such as "wan_vae". A missing file fails the test.
func Open(t testing.TB, name string) *Case {
	t.Helper()
	return OpenFile(t, filepath.Join(dir(), name+".safetensors"))
}

// OpenFile opens a file of the same form that lies elsewhere, such as a package's own testdata.
func OpenFile(t testing.TB, path string) *Case {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatalf("no golden file: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return &Case{File: f, t: t}
}

func dir() string {
	_, file, _, _ := runtime.Caller(0)
	here := filepath.Dir(file)
	d := os.Getenv("GOLDENS")
	switch {
	case d == "":
		return filepath.Join(here, "testdata")
	case filepath.IsAbs(d):
		return d
	}
	return filepath.Join(here, "..", "..", "..", d) // relative to the repository, where the command was given
}

// Config unmarshals the reference's configuration into v.
func (c *Case) Config(v any) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(c.Metadata()["config"]), v); err != nil {
		c.t.Fatalf("%s: configuration: %v", c.Path(), err)
	}
}

// Tensor reads a tensor by its full name ("in.sample") and returns its values and shape.
func (c *Case) Tensor(name string) ([]float32, []int64) {
	c.t.Helper()
	values, err := c.Float32(name)
	if err != nil {
		c.t.Fatal(err)
	}
	info, _ := c.Info(name) // Float32 has found it
	return values, info.Shape
}

// List names the tensors with the prefix ("w.", "out."), without it.
func (c *Case) List(prefix string) []string {
	var names []string
	for _, n := range c.Names() {
		if rest, ok := strings.CutPrefix(n, prefix); ok {
			names = append(names, rest)
		}
	}
	return names
}

// ToleranceEnv widens every tolerance to at least its value: for devices and types of which more cannot be asked.
const ToleranceEnv = "VIDEOSDGX_TEST_TOLERANCE"

// Tolerance is what a test asks for, widened as ToleranceEnv says.
func Tolerance(t testing.TB, tolerance float64) float64 {
	t.Helper()
	text := os.Getenv(ToleranceEnv)
	if text == "" {
		return tolerance
	}
	least, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("%s: %v", ToleranceEnv, err)
	}
	return max(tolerance, least)
}

// Near fails the test when max|got−want| exceeds tolerance · max|want|, or a value is not finite.
func Near(t testing.TB, what string, got, want []float32, tolerance float64) {
	t.Helper()
	tolerance = Tolerance(t, tolerance)
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	worst, at, scale := -1.0, 0, 0.0
	for i := range want {
		scale = max(scale, math.Abs(float64(want[i])))
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		if d > worst {
			worst, at = d, i
		}
	}
	if len(want) > 0 && worst > tolerance*scale {
		t.Errorf("%s: off by %.3g at %d (got %g, want %g), allowed %.3g = %g · max|want|",
			what, worst, at, got[at], want[at], tolerance*scale, tolerance)
		return
	}
	t.Logf("%s: max error %.2e of max|want| (%d values)", what, worst/max(scale, 1e-30), len(want))
}
