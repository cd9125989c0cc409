package process

import (
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestOtherVendorsDevicesAreRefused(t *testing.T) {
	d := &Driver{}
	for _, c := range []struct {
		gpus spec.GPUs
		ok   bool
	}{{nil, true}, {spec.AnyGPUs(2), true}, {spec.GPUs{"all"}, true}, {spec.GPUs{"nvidia.com/gpu=0"}, true}, {spec.GPUs{"amd.com/gpu=0"}, false}} {
		err := d.Runs(spec.Function{Name: "f", Command: []string{"x"}, GPUs: c.gpus})
		if c.ok != (err == nil) || !c.ok && (!errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "asks for amd.com/gpu=0, and the process driver")) {
			t.Errorf("%v: %v", c.gpus, err)
		}
	}
}

func TestAProcessSeesTheGPUsThatItIsGiven(t *testing.T) {
	for _, c := range []struct {
		gpus []string
		want string
	}{
		{nil, ""}, {[]string{"all"}, ""}, {[]string{"nvidia.com/gpu=all"}, ""},
		{[]string{"nvidia.com/gpu=1"}, "1"}, {[]string{"nvidia.com/gpu=0", "nvidia.com/gpu=GPU-7f"}, "0,GPU-7f"},
	} {
		got := visible(c.gpus)
		if c.want == "" && got != nil || c.want != "" && !slices.Contains(got, "CUDA_VISIBLE_DEVICES="+c.want) {
			t.Errorf("%v: %v", c.gpus, got)
		}
	}
}
