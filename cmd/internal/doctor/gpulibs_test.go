package doctor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/internal/sharedlib/sharedlibtest"
)

func TestGPULibrariesSayWhatIsMissingOrDoesNotFit(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "gpu", "lib")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	is := func(ok bool, say string) {
		t.Helper()
		f := GPULibraries(root, dir)(context.Background())
		if f.OK != ok || f.Required || !strings.Contains(f.Detail+f.Version, say) || f.OK == (f.Fix != "") {
			t.Errorf("%+v; expected %v with %q", f, ok, say)
		}
	}
	is(false, "no NVIDIA driver, and none")
	for _, name := range gpuFiles[1:] {
		write(filepath.Join(dir, name), string(sharedlibtest.Least(t, own, 0)))
	}
	is(false, "has no libonnxruntime.so.1")
	write(filepath.Join(dir, gpuFiles[0]), "")
	is(false, "has libonnxruntime.so.1, which is no shared library")
	write(filepath.Join(dir, gpuFiles[0]), string(sharedlibtest.Least(t, own, 0)))
	is(false, "there is no NVIDIA driver")
	write(filepath.Join(root, "proc/driver/nvidia/version"), "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release Build\n")
	is(false, "driver 570.86.10 is too old")
	write(filepath.Join(root, "proc/driver/nvidia/version"), "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build\n")
	write(filepath.Join(root, "gpu", "VERSION"), "1.31.1-cuda13.0\n")
	is(true, "1.31.1-cuda13.0")
}
