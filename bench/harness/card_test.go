package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smiSays puts a program in nvidia-smi's place.
func smiSays(t *testing.T, body string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nvidia-smi"), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestEveryCardIsNamed(t *testing.T) {
	smiSays(t, `echo "H100, 580.1"; echo "H100, 580.1"`)
	r := NewGPUReport(t.Context(), "toy", "cafe")
	if r.Bench != "toy" || r.Commit != "cafe" || !strings.HasSuffix(r.Machine, ", H100, 580.1 and H100, 580.1") {
		t.Errorf("%s of %s on %s", r.Bench, r.Commit, r.Machine)
	}
}

func TestMemoryThatNobodyTellsIsNotNone(t *testing.T) {
	for body, want := range map[string]float64{"echo 512": 512, "echo 0": 0, "echo '[N/A]'": -1, "echo 7; exit 9": -1} {
		smiSays(t, body)
		if got := DeviceMiB(t.Context()); got != want {
			t.Errorf("%s: %g MiB", body, got)
		}
	}
}
