package tensorrt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// TestALibraryThatIsCutOffEndsNoProcess: opened as it is, it would end this one by SIGBUS.
func TestALibraryThatIsCutOffEndsNoProcess(t *testing.T) {
	whole := Install{Library: fake(t, "libnvinfer.so.10", "10", "14", "return 0;"), Shim: shimFor(t, "libvdx_trt10.so")}
	cut := func(path string) string {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(t.TempDir(), filepath.Base(path))
		if err := os.WriteFile(to, raw[:len(raw)/3], 0o600); err != nil {
			t.Fatal(err)
		}
		return to
	}
	for says, at := range map[string]Install{
		"run `make setup-tensorrt`":                {Library: cut(whole.Library), Shim: whole.Shim},
		"remove it, and run `make tensorrt-shims`": {Library: whole.Library, Shim: cut(whole.Shim)},
		"make setup-tensorrt":                      {Library: whole.Library, Shim: whole.Shim, Parser: cut(whole.Library)},
	} {
		if _, err := Load(at); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "cut off") || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v", at, err)
		}
	}
	lib, err := Load(whole)
	if err != nil {
		t.Fatal(err)
	}
	lib.Close()
}
