package ort

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/engine/enginetest"
)

const fakeDriver = "ORT_TEST_FAKE_DRIVER"

// TestWeightsReachACard runs TestOnAFakeCard in a process of its own, as a process keeps the driver that it has opened.
func TestWeightsReachACard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libcuda.so.1")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-w", "-Wl,-soname,libcuda.so.1", "-o", path, "testdata/fakecuda.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	c := exec.Command(os.Args[0], "-test.run=^TestOnAFakeCard$", "-test.v")
	c.Env = append(os.Environ(), fakeDriver+"="+path)
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestOnAFakeCard") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestOnAFakeCard has sessions on the CPU take their weights from the memory of a card that is host memory, by the driver's calls.
func TestOnAFakeCard(t *testing.T) {
	path := os.Getenv(fakeDriver)
	if path == "" {
		return // TestWeightsReachACard runs it
	}
	if err := open(path); err != nil { // by its name it is found from now on
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log")
	t.Setenv("FAKE_LOG", log)
	e := loaded(t)
	e.blocks[""] = openCard
	enginetest.Run(t, e, engine.Options{})
	model := enginetest.Write(t, scaled)
	for _, c := range []struct {
		variable, value, says string
		is                    func(error) bool
	}{
		{"FAKE_MEMORY", "4095", "does not fit on cpu: memory is out, 1 MiB asked for", errdefs.IsResourceExhausted},
		{"FAKE_FAIL", "cuMemAlloc_v2", "memory for weights on cpu: the CUDA driver says 700", errdefs.IsInternal},
		{"FAKE_FAIL", "cuMemHostAlloc", "pinned memory on cpu: the CUDA driver says 700", errdefs.IsInternal},
		{"FAKE_FAIL", "cuEventCreate", "pinned memory on cpu: the CUDA driver says 700", errdefs.IsInternal},
		{"FAKE_FAIL", "cuMemcpyHtoDAsync_v2", "a copy of weights on cpu: the CUDA driver says 700", errdefs.IsInternal},
		{"FAKE_FAIL", "cuEventSynchronize", "waiting for weights on cpu: the CUDA driver says 700", errdefs.IsInternal},
		{"FAKE_FAIL", "cuStreamSynchronize", "weights on cpu: the CUDA driver says 700", errdefs.IsInternal},
	} {
		t.Setenv(c.variable, c.value)
		if _, err := e.Open(t.Context(), model, engine.Options{}); err == nil || !c.is(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s=%s: got %v", c.variable, c.value, err)
		}
		os.Unsetenv(c.variable)
	}
	raw, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if left := strings.Fields(string(raw)); len(left) < 8 || left[len(left)-1] != "0" {
		t.Errorf("things left on the card, after each block that was given back: %v", left)
	}
}
