package ltx2

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// A LoRA of the publisher's names, or of diffusers', is merged at its strength; one that distils sets the steps.
func TestADistilledLoRA(t *testing.T) {
	dir := t.TempDir()
	writeCheckpoint(t, dir)
	for name, module := range map[string]string{
		"diffusion_model.audio_patchify_proj":                                "audio_proj_in",
		"diffusion_model.av_ca_a2v_gate_adaln_single.linear":                 "av_cross_attn_video_a2v_gate.linear",
		"transformer.transformer_blocks.1.audio_to_video_attn.to_q":          "transformer_blocks.1.audio_to_video_attn.to_q",
		"diffusion_model.transformer_blocks.0.attn1.to_out.0":                "transformer_blocks.0.attn1.to_out.0",
		"diffusion_model.adaln_single.emb.timestep_embedder.linear_1":        "time_embed.emb.timestep_embedder.linear_1",
		"diffusion_model.prompt_adaln_single.emb.timestep_embedder.linear_2": "prompt_adaln.emb.timestep_embedder.linear_2",
	} {
		r, m := mergedWith(t, dir, name, module, map[string]string{"distilled": "8step"})
		want, got := make([]float32, 64), make([]float32, 64)
		if err := r.Weights("transformer").ReadFloat32(module+".weight", 0, want); err != nil {
			t.Fatal(err)
		}
		if err := m.Weights("transformer").ReadFloat32(module+".weight", 0, got); err != nil {
			t.Fatal(err)
		}
		info, _ := r.Weights("transformer").Info(module + ".weight")
		up, down := noise.Normal(1, int(info.Shape[0])*2), noise.Normal(2, int(info.Shape[1])*2)
		for i := range got {
			row, col := int64(i)/info.Shape[1], int64(i)%info.Shape[1]
			add := 0.8 * (up[2*row]*down[col] + up[2*row+1]*down[info.Shape[1]+col])
			if d := math.Abs(float64(got[i] - want[i] - add)); d > 1e-5 {
				t.Fatalf("%s: value %d is off by %g", name, i, d)
			}
		}
		c, err := parseConfigs(m.Configs)
		if err != nil {
			t.Fatal(err)
		}
		d, err := parseDefaults(m.Defaults, c)
		if err != nil || d.Steps != 8 || d.Guidance != 1 || d.Modality != 1 || !strings.Contains(string(m.Schema), `"num_inference_steps":{"default":8`) {
			t.Errorf("%+v, %v, %s", d, err, m.Schema)
		}
	}
}

// mergedWith merges a LoRA of one module, rank 2, at strength 0.8.
func mergedWith(t *testing.T, dir, name, module string, metadata map[string]string) (bundle.Recipe, *bundle.Merging) {
	t.Helper()
	ckpt, err := weights.InspectCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ckpt.Close() })
	r, err := Recipe(ckpt)
	if err != nil {
		t.Fatal(err)
	}
	info, err := r.Weights("transformer").Info(module + ".weight")
	if err != nil {
		t.Fatal(err)
	}
	out, in := info.Shape[0], info.Shape[1]
	path := filepath.Join(t.TempDir(), "fast.safetensors")
	if err := weights.Write(path, []weights.Tensor{weights.Float32Tensor(name+".lora_A.weight", []int64{2, in}, noise.Normal(2, int(2*in))),
		weights.Float32Tensor(name+".lora_B.weight", []int64{out, 2}, noise.Normal(1, int(2*out)))}, metadata); err != nil {
		t.Fatal(err)
	}
	m, err := bundle.Merge(t.Context(), r, []bundle.LoRA{{Path: path, Strength: 0.8}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return r, m
}

func TestDistilledNoiseLevels(t *testing.T) {
	c, err := parseConfigs(formConfigs(t))
	if err != nil {
		t.Fatal(err)
	}
	for said, ok := range map[string]bool{"": true, "4step": false, "[]": false, "[1,1]": false, "[0.5,0.9]": false, "[1.5]": false} {
		if err := preset(&bundle.Recipe{}, map[string]string{bundle.DistilledKey: said}, c, nil); (err == nil) != ok || err != nil && !errdefs.IsInvalidArgument(err) {
			t.Errorf("%q: %v", said, err)
		}
	}
	if levels([]float64{1, 0.9, 0.2}) != true {
		t.Error("falling levels are refused")
	}
}

func formConfigs(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	by := map[string]json.RawMessage{}
	for name, c := range tinyForm() {
		raw, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		by[name] = raw
	}
	return by
}
