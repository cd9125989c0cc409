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

// A process that was given the third GPU hears of that one's memory.
func TestTheMemoryIsThatOfTheGPUInUse(t *testing.T) {
	smiSays(t, `case "$*" in *--id=2*) echo 22;; *--id=GPU-7*) echo 77;; *--id=0*) echo 1;; esac`)
	for visible, want := range map[string]float64{"": 1, "0": 1, "2": 22, "2,0": 22, " 2": 22, "GPU-7,GPU-8": 77} {
		t.Setenv("CUDA_VISIBLE_DEVICES", visible)
		if got := DeviceMiB(t.Context()); got != want {
			t.Errorf("%q: %g MiB", visible, got)
		}
	}
}
