package lora

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// written is a file of rank-1 factors for modules of these names.
func written(t *testing.T, file string, modules ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), file)
	var all []weights.Tensor
	for _, m := range modules {
		all = append(all, weights.Float32Tensor(m+".lora_A.weight", []int64{1, 2}, []float32{1, 2}), weights.Float32Tensor(m+".lora_B.weight", []int64{2, 1}, []float32{1, 2}))
	}
	if err := weights.Write(path, all, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// Whatever trainers and converters put before a module's name is no part of it; a file may mix them.
func TestWhatStandsBeforeNames(t *testing.T) {
	const module = "blocks.0.attn1.to_q"
	for prefix, want := range map[string]string{
		"": module, "transformer.": module, "unet.": module, "diffusion_model.": module, "model.diffusion_model.": module, "base_model.model.": module,
		"base_model.model.transformer.": module, "base_model.model.diffusion_model.": module, "base_model.model.unet.": module, "lora_unet_": module, "lora_transformer_": module,
		"transformer_2.": second + module, "base_model.model.transformer_2.": second + module, "transformer_2.base_model.model.": second + module,
		"model.": "model." + module, "vae.": "vae." + module,
	} {
		f, err := Open(written(t, "x.safetensors", prefix+module))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Modules(); !slices.Equal(got, []string{want}) {
			t.Errorf("%s is %v", prefix+module, got)
		}
		f.Close()
	}
	f, err := Open(written(t, "x.safetensors", "unet.a", "diffusion_model.b", "lora_unet_c", "base_model.model.d", "transformer_2.a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.Modules(); !slices.Equal(got, []string{"a", "b", "c", "d", second + "a"}) {
		t.Errorf("mixed: %v", got)
	}
	if _, err := Open(written(t, "x.safetensors", "unet.a", "diffusion_model.a")); err == nil || !strings.Contains(err.Error(), "two tensors for one factor") {
		t.Errorf("one module by two names: %v", err)
	}
}

// A part of a LoRA, or the list of its parts, is not taken for it.
func TestLoRAsInSeveralFiles(t *testing.T) {
	for _, name := range []string{"x-00001-of-00002.safetensors", "x-00003-of-00010.safetensors", "x-00001-of-12345.safetensors", "x.safetensors.index.json"} {
		if _, err := Open(written(t, name, "a")); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "join them into one") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"x-00001-of-00001.safetensors", "1-of-2.safetensors"} {
		f, err := Open(written(t, name, "a"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f.Close()
	}
}
