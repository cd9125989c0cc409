package cuda

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

func TestProbeOfAMachineWithoutADriver(t *testing.T) {
	s := Probe(context.Background(), Source{Library: "/nowhere/libcuda.so.1", Module: "/nowhere"})
	c := s.Capability()
	if c.OK || c.Driver != "cuda" || !strings.Contains(c.Reason, "no CUDA driver: /nowhere/libcuda.so.1") || !strings.Contains(c.Fix, "none needed") {
		t.Errorf("%+v", c)
	}
	if !errdefs.IsUnavailable(s.Err) || !strings.HasPrefix(s.String(), "off: ") {
		t.Error(s)
	}
	loaded := Support{Driver: "580.1", Err: s.Err}
	if !strings.Contains(loaded.fix(), "visible") {
		t.Error(loaded.fix())
	}
}

func TestVerdictOnArmNeedsANewerDriver(t *testing.T) {
	s := Support{Library: "l", GPUs: []string{"GB10"}, Driver: "580.142"}
	if err := s.verdict(); (err != nil) != (runtime.GOARCH == "arm64") {
		t.Error(err)
	}
	s.Driver = "595.10"
	if err := s.verdict(); err != nil {
		t.Error(err)
	}
	s.GPUs = nil
	if err := s.verdict(); !errdefs.IsUnavailable(err) {
		t.Error(err)
	}
}

func TestModuleVersion(t *testing.T) {
	file := filepath.Join(t.TempDir(), "version")
	if err := os.WriteFile(file, []byte("580.159.04\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if v := module(file); v != "580.159.04" || major(v) != 580 || major("") != 0 {
		t.Error(v)
	}
}
