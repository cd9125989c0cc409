// Package kernelstest lets tests use the operator libraries: it builds what is not there yet, so that a test never runs
// against an older library or without one.
package kernelstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// env names the library; set beforehand, it says which to test, as for arm64 under emulation.
const env = "VIDEOSDGX_KERNELS_LIB"

// DeviceEnv names the device that tests of graphs and operators run on: "cuda:0"; the CPU by default.
const DeviceEnv = "VIDEOSDGX_TEST_DEVICE"

// Library builds the CPU's operator library where it is older than its sources, has sessions of this test find it, and
// returns its path.
func Library(t testing.TB) string {
	t.Helper()
	if lib := os.Getenv(env); lib != "" {
		return lib
	}
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..", "..", "..")
	make := exec.Command("make", "-s", "kernels")
	make.Dir = root
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("make kernels: %v\n%s", err, out)
	}
	lib := filepath.Join(root, "bin", "lib", "libvideosdgx_kernels.so")
	if err := os.Setenv(env, lib); err != nil {
		t.Fatal(err)
	}
	return lib
}
