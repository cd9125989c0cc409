package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

func TestPlanGroupsBlocks(t *testing.T) {
	p := plan{Plan: bundle.Plan{Family: "f", Name: "n", Precision: "fp8", Bytes: 3 << 20, Disk: 3 << 20, Float32: 12 << 20, Slices: 4, Clip: bundle.ClipSize{Width: 832, Height: 480, Frames: 81},
		Tensors: []bundle.PlannedPart{
			{Component: "transformer", Name: "blocks.0.attn1.to_out.0.weight", From: "BF16", To: "bf16", Bytes: 1 << 20},
			{Component: "transformer", Name: "blocks.1.attn1.to_out.0.weight", From: "BF16", To: "fp8", Bytes: 1 << 20},
			{Component: "transformer", Name: "blocks.2.attn1.to_out.0.weight", From: "BF16", To: "fp8", Bytes: 1 << 20},
		},
		Stages: []bundle.Stage{{Graph: "transformer", Weights: 3 << 20, Activations: 5 << 20, At: "Gemm"}}}, memory: 4 << 20}
	var out bytes.Buffer
	if err := p.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"transformer/blocks.*.attn1.to_out.0.weight", "weight  2        BF16         fp8   2.0 MiB", "STAGE (832x480, 81 frames)",
		"f bundle n in fp8: 3.0 MiB on disk (float32 12.0 MiB); at most 8.0 MiB in memory, in transformer, attention in 4 slices; a GPU that gives 4.0 MiB holds all stages together"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

// The plan says which precision a GPU gets, and why.
func TestThePlanIsForTheGPU(t *testing.T) {
	demo := filepath.Join("..", "..", "..", "images", "demo", "ltx2-tiny")
	for gpu, want := range map[string]string{"12.1": "in nvfp4 (auto: the GPU has compute capability 12.1): ", "9.0": "in nf4 (auto: the GPU has compute capability 9.0; nvfp4 is for 10.0 and later): "} {
		out, err := models(t, "build", demo, "--plan", "--compute", gpu)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v\n%s", gpu, err, out)
		}
	}
	if _, err := models(t, "build", demo, "--plan", "--compute", "sm_121"); err == nil || !strings.Contains(err.Error(), "such as 12.1 (DGX Spark)") {
		t.Errorf("got %v", err)
	}
}
