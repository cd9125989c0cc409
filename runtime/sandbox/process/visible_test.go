package process

import (
	"slices"
	"testing"
)

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
