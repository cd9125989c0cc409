// Package faketrt is a test double of TensorRT and its shim for tests of what runs plans: a "GPU" of host memory, and plans
// that are a few lines of text, each output the sum of all inputs. It says nothing of TensorRT itself.
package faketrt

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt"
)

//go:embed testdata/fake.c
var source string

// Load compiles the double with gcc and opens it: "TensorRT-RTX 1.6.9" on a "Test GPU" of sm_121.
func Load(t *testing.T) *tensorrt.Library {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/videosdgx/videosdgx/functions/inference/engine/tensorrt").Output()
	if err != nil {
		t.Fatal(err)
	}
	shim := filepath.Join(strings.TrimSpace(string(out)), "shim")
	dir := t.TempDir()
	c, lib := filepath.Join(dir, "fake.c"), filepath.Join(dir, "libvdx_trtfake.so")
	if err := os.WriteFile(c, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-I", shim, "-o", lib, c).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v: %s", err, out)
	}
	l, err := tensorrt.Load(tensorrt.Install{Family: tensorrt.RTX, Library: "fake", Shim: lib})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// Plan writes a plan of lines, as testdata/fake.c reads them.
func Plan(t *testing.T, path string, lines ...string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(fmt.Sprintln(strings.Join(lines, "\n"))), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Planner is a planner for Builder that is a shell script: $plan is what a plan of these lines holds, ended says that all went
// well, and runs is how often it was started. A body of "" writes the plan.
func Planner(t testing.TB, body string, lines ...string) (path string, runs func() int) {
	t.Helper()
	dir := t.TempDir()
	path, log := filepath.Join(dir, "planner"), filepath.Join(dir, "runs")
	if body == "" {
		body = `printf '%s\n' "$plan" >&3; ended`
	}
	text := fmt.Sprintf("#!/bin/sh\ncat >/dev/null\necho run >>%s\nplan='%s'\nended() { echo '{\"ended\":true}'; }\n%s\n", log, strings.Join(lines, "\n"), body)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path, func() int {
		raw, _ := os.ReadFile(log) // none: it was never started
		return strings.Count(string(raw), "run\n")
	}
}
