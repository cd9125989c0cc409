package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/kernels/fuse"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/wan21"
)

func TestFP8IsMeasuredInBothForms(t *testing.T) {
	got := kinds(forms([]string{"bf16", "fp8", "fp8bf16"}), []string{"exact", "int8"})
	want := []kind{{"bf16", "exact"}, {"fp8", "exact"}, {"fp8bf16", "exact"}, {"bf16", "int8"}, {"fp8", "int8"}, {"fp8bf16", "int8"}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, expected %v", got, want)
	}
}

// TestCrossAttentionMayBeTheLibrarys: in every form the text's keys are known to be few, and the patches' are not.
func TestCrossAttentionMayBeTheLibrarys(t *testing.T) {
	c := wan21.TransformerConfig{NumHeads: 1, HeadDim: 128, InChannels: 16, OutChannels: 16, TextDim: 64, FFNDim: 128, NumLayers: 2}
	for _, format := range []string{"bf16", "fp16", "fp8", "fp8bf16"} {
		for most, want := range map[int64]int{0: 4, textTokens - 1: 4, textTokens: 2} {
			m, err := build(format, c)
			if err != nil {
				t.Fatal(err)
			}
			if n := fuse.Attend(m, 90, fuse.Exact, fuse.Few{Most: most, Sizes: map[string]int64{"text": textTokens}}); n != want {
				t.Errorf("%s: %d attentions of 4 are the operator's where %d keys are few, expected %d", format, n, most, want)
			}
			for _, n := range m.Graph.Nodes {
				if n.Op == "MultiHeadAttention" && !strings.HasSuffix(n.Name, "/Attention.2") { // each block's second is to the text
					t.Errorf("%s: %s is the library's", format, n.Name)
				}
			}
		}
		m, err := build(format, c)
		if err != nil {
			t.Fatal(err)
		}
		if n := fuse.Attend(m, 90, fuse.Exact, fuse.Few{Most: 1 << 20}); n != 4 {
			t.Errorf("%s: %d where nothing is known", format, n)
		}
	}
}

func TestTheSchedulerIsOne(t *testing.T) {
	if _, err := schedule.FromJSON([]byte(scheduler), schedule.Options{Steps: 4}); err != nil {
		t.Fatal(err)
	}
}
