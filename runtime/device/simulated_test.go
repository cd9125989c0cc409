//go:build cgo

package device

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTheSimulatedDriverHasWhatIsCalled: bench/evict runs servers with a driver of its own. A function that it does not have
// ends the process that calls it, with status 127: hence a process for it.
func TestTheSimulatedDriverHasWhatIsCalled(t *testing.T) {
	const here = "DEVICE_TEST_SIMULATED"
	if os.Getenv(here) != "" {
		m, err := Open(0)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if p, err := m.Probe(); err != nil || len(p.GPUs) != 1 || len(m.Pools()) == 0 || m.Held() == nil {
			t.Errorf("%+v, %v; pools %+v, held %v", p.GPUs, err, m.Pools(), m.Held())
		}
		return
	}
	dir := t.TempDir()
	source := filepath.Join("..", "..", "bench", "evict", "nvml", "nvml.c")
	if out, err := exec.CommandContext(t.Context(), "cc", "-shared", "-fPIC", "-o", filepath.Join(dir, "libnvidia-ml.so.1"), source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), here+"=1", "LD_LIBRARY_PATH="+dir, "SIMULATED_GPU_BYTES=1000000000")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
