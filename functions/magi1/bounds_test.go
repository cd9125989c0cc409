package magi1

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// tinyJSON are the tiny checkpoint's configurations, with one value of a part of the transformer's another.
func tinyJSON(t *testing.T, part, name, value string) map[string]json.RawMessage {
	t.Helper()
	all := map[string]json.RawMessage{}
	for component := range map[string]bool{"transformer": true, "vae": true, "text_encoder": true} {
		raw, err := os.ReadFile(filepath.Join(tinyCheckpoint(t), component, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		all[component] = raw
	}
	component := "transformer"
	if part == "ddconfig" {
		component = "vae"
	}
	var parts map[string]map[string]json.RawMessage
	if err := json.Unmarshal(all[component], &parts); component == "vae" {
		var one map[string]json.RawMessage
		if err := json.Unmarshal(all[component], &one); err != nil {
			t.Fatal(err)
		}
		parts = map[string]map[string]json.RawMessage{}
		var coder map[string]json.RawMessage
		if err := json.Unmarshal(one[part], &coder); err != nil {
			t.Fatal(err)
		}
		parts[part] = coder
	} else if err != nil {
		t.Fatal(err)
	}
	if parts[part][name] = json.RawMessage(value); value == "" {
		delete(parts[part], name)
	}
	raw, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	all[component] = raw
	return all
}

// What no clip can be made with is refused when the bundle is built, zeros too, in one sentence that says what would do.
func TestAbsurdNumbersOfACheckpoint(t *testing.T) {
	type one struct{ part, name string }
	values := map[one][]string{}
	for _, name := range []string{"chunk_width", "window_size", "fps", "num_steps", "num_frames", "video_size_h", "video_size_w", "temporal_downsample_factor", "cfg_number"} {
		values[one{"runtime_config", name}] = []string{"0", "-1", "-1000000000", "1000000000", "1e9", "0.5", `"6"`, "[]", "true", "1e400"}
	}
	for _, name := range []string{"scale_factor", "clean_t"} {
		values[one{"runtime_config", name}] = []string{"0", "-1", "1e9", `"a"`}
	}
	values[one{"runtime_config", "clean_chunk_kvrange"}] = []string{"0", "-2", "1e9", "1.5"}
	values[one{"runtime_config", "noise2clean_kvrange"}] = []string{"[]", "null", "[0]", "[5,4,3,-2]", "[1000000000]", "[5,4,3,2,1]", "3"}
	for _, name := range []string{"cfg_t_range", "prev_chunk_scales", "text_scales"} {
		values[one{"runtime_config", name}] = []string{"[]", "[0]", "[-1,0,0,0,0]", "[1e9,1e9,1e9,1e9,1e9]", `"a"`}
	}
	values[one{"engine_config", "distill_nearly_clean_chunk_threshold"}] = []string{"0", "-1", "1e9"}
	values[one{"engine_config", "shortcut_mode"}] = []string{`"8,8,8"`, "3"}
	for _, name := range []string{"num_layers", "hidden_size", "num_attention_heads", "num_query_groups", "kv_channels", "caption_max_length", "in_channels", "ffn_hidden_size"} {
		values[one{"model_config", name}] = []string{"-1", "1000000000"}
	}
	values[one{"model_config", "cond_hidden_ratio"}] = []string{"-1", "1e-9", "1e9"}
	for _, name := range []string{"depth", "embed_dim", "num_heads", "patch_size", "z_chans", "mlp_ratio"} {
		values[one{"ddconfig", name}] = []string{"-1", "1000000000"}
	}
	for of, all := range values {
		for _, v := range all {
			_, err := parseConfigs(tinyJSON(t, of.part, of.name, v))
			if err == nil {
				t.Errorf("%s %s: %s is taken", of.part, of.name, v)
			} else if !errdefs.IsInvalidArgument(err) && !errdefs.IsNotImplemented(err) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s %s: %s: %v", of.part, of.name, v, err)
			}
		}
	}
	for name, want := range map[string]string{
		"chunk_width": "transformer/config.json: chunk_width of runtime_config is 0; 2 to 256 is possible, published models have 6 latent frames",
		"window_size": "transformer/config.json: window_size of runtime_config is 0; 1 to 64 is possible, published models have 4 chunks in flight",
	} {
		if _, err := parseConfigs(tinyJSON(t, "runtime_config", name, "0")); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := parseConfigs(tinyJSON(t, "runtime_config", name, "")); err != nil {
			t.Errorf("%s left out: %v", name, err)
		}
	}
}

// FP8 codes without their scale are other numbers: the tensor is named.
func TestFP8WithoutItsScale(t *testing.T) {
	const layer, attention = "videodit_blocks.layers.1.", "videodit_blocks.layers.1.self_attention."
	codes := func(name string) weights.Tensor {
		return weights.Tensor{Name: name, DType: weights.F8E4M3, Shape: []int64{1, 4, 4}, Data: make([]byte, 16)}
	}
	scale := func(name string) weights.Tensor { return weights.Float32Tensor(name, []int64{1}, []float32{1}) }
	for name, c := range map[string]struct {
		tensors []weights.Tensor
		want    string
	}{
		"none at all":   {[]weights.Tensor{codes(layer + "mlp.linear_fc1.weight")}, "tensor " + layer + "mlp.linear_fc1.weight is FP8 and its scale " + layer + "mlp.linear_fc1.weight_scale is missing"},
		"not the input": {[]weights.Tensor{codes(attention + "linear_qkv.q.weight"), scale(attention + "linear_qkv.q.weight_scale")}, attention + "linear_qkv.q.input_scale is missing"},
		"not the smooth one": {[]weights.Tensor{codes(layer + "mlp.linear_fc2.weight"), scale(layer + "mlp.linear_fc2.weight_scale"), scale(layer + "mlp.linear_fc2.input_scale")},
			layer + "mlp.linear_fc2.smooth_scale is missing"},
		"no linear layer": {[]weights.Tensor{codes("y_embedder.null_caption_embedding")}, "tensor y_embedder.null_caption_embedding is F8_E4M3; only weights of linear layers"},
		"the other kind":  {[]weights.Tensor{{Name: "final_linear.linear.weight", DType: weights.F8E5M2, Shape: []int64{4}, Data: make([]byte, 4)}}, "tensor final_linear.linear.weight is F8_E5M2"},
		"all there":       {[]weights.Tensor{codes(attention + "linear_qkv.q.weight"), scale(attention + "linear_qkv.q.weight_scale"), scale(attention + "linear_qkv.q.input_scale")}, ""},
	} {
		dir := filepath.Join(t.TempDir(), "checkpoint")
		if err := os.CopyFS(dir, os.DirFS(tinyCheckpoint(t))); err != nil {
			t.Fatal(err)
		}
		if err := weights.Write(filepath.Join(dir, "transformer", "model.safetensors"), c.tensors, nil); err != nil {
			t.Fatal(err)
		}
		ckpt, err := weights.InspectCheckpoint(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer ckpt.Close()
		_, err = Recipe(ckpt)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
