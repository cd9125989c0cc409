package daemon

import (
	"os"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/cmd/internal/doctor"
	"github.com/videosdgx/videosdgx/runtime/device"
)

func TestPartsSayWhatHelps(t *testing.T) {
	t.Setenv("PATH", "")
	t.Setenv("VIDEOSDGX_PREFIX", t.TempDir())
	t.Setenv("VIDEOSDGX_CRIU", t.TempDir())
	found := append(ContainerdParts(t.Context()), GPUParts(t.Context())...)
	if len(found) < 7 || !doctor.Healthy(found) {
		t.Errorf("the process driver serves without any of these: %+v", found)
	}
	for _, f := range found {
		if f.Detail == "" || (!f.OK && f.Fix == "") {
			t.Errorf("%+v", f)
		}
	}
	if os.Geteuid() != 0 && found[0].OK {
		t.Errorf("containerd needs root: %+v", found[0])
	}
}

func TestGPUsAndTheirMemory(t *testing.T) {
	f := nvml(device.Probe{Driver: "595.1", CUDA: "13.1", GPUs: []device.GPU{
		{Name: "H200", Total: 141 << 30}, {Name: "GB10", Unified: true},
	}})
	if !f.OK || f.Version != "595.1" || !strings.Contains(f.Detail, "2 GPU(s), CUDA 13.1, H200 (141GiB), GB10 (the system's memory)") {
		t.Errorf("%+v", f)
	}
}
