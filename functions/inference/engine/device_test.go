package engine

import (
	"testing"

	"github.com/containerd/errdefs"
)

func TestParseDevice(t *testing.T) {
	for s, want := range map[string]Device{"": {}, "cpu": {}, "cuda": {Kind: CUDA}, "cuda:2": {Kind: CUDA, Index: 2}} {
		if d, err := ParseDevice(s); err != nil || d != want {
			t.Errorf("%q gives %+v, %v", s, d, err)
		}
	}
	for _, s := range []string{"gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", ":1"} {
		if d, err := ParseDevice(s); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%q gives %+v, %v", s, d, err)
		}
	}
	if s := (Device{Kind: CUDA, Index: 1}).String() + " " + (Device{}).String(); s != "cuda:1 cpu" {
		t.Error(s)
	}
}
