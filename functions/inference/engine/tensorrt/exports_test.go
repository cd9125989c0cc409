package tensorrt

import (
	"debug/elf"
	"strings"
	"testing"
)

// TestShimsKeepTheirRuntimeToThemselves: a shim has its C++ runtime linked in. Where names of it are exported, ONNX Runtime
// loaded at the same time takes some of them for its own, and the process ends with SIGSEGV one time in eight.
func TestShimsKeepTheirRuntimeToThemselves(t *testing.T) {
	for _, name := range []string{"libvdx_trt10.so", "libvdx_trt11.so", "libvdx_trtrtx1.so"} {
		f, err := elf.Open(shimFor(t, name))
		if err != nil {
			t.Fatal(err)
		}
		symbols, err := f.DynamicSymbols()
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		own := 0
		for _, s := range symbols {
			switch {
			case s.Section == elf.SHN_UNDEF:
			case strings.HasPrefix(s.Name, "vdx_trt_"):
				own++
			default:
				t.Errorf("%s exports %s", name, s.Name)
			}
		}
		if own == 0 {
			t.Errorf("%s exports nothing", name)
		}
	}
}
