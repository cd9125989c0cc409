package wan

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// oddModule is one of a file in which no two modules are alike.
type oddModule struct {
	name, tensor string // by the file, by the checkpoint
	rank         int64
	alpha        float32 // 0: none is said
	down, up     weights.DType
}

// A file may have another rank, alpha and type for each module, and few modules.
func TestModulesThatDiffer(t *testing.T) {
	r := recipeOf(t, demoCheckpoint)
	base := r.Weights(graphTransformer)
	var file []weights.Tensor
	modules := []oddModule{
		{"lora_unet_blocks_0_self_attn_q", "blocks.0.attn1.to_q.weight", 1, 0, weights.F32, weights.F32},
		{"lora_unet_blocks_1_cross_attn_v", "blocks.1.attn2.to_v.weight", 7, 3, weights.BF16, weights.F32},
		{"lora_unet_blocks_0_ffn_0", "blocks.0.ffn.net.0.proj.weight", 3, 3, weights.F16, weights.BF16},
		{"lora_unet_blocks_1_ffn_2", "blocks.1.ffn.net.2.weight", 2, -1, weights.F8E4M3, weights.F64},
	}
	want := map[string][]float32{}
	for i, m := range modules {
		info, err := base.Info(m.tensor)
		if err != nil {
			t.Fatal(err)
		}
		whole := make([]float32, info.Elements())
		if err := base.ReadFloat32(m.tensor, 0, whole); err != nil {
			t.Fatal(err)
		}
		rows, columns := info.Shape[0], info.Elements()/info.Shape[0]
		down := oddTensor(t, m.name+".lora_down.weight", m.down, uint64(2*i+1), m.rank, columns)
		up := oddTensor(t, m.name+".lora_up.weight", m.up, uint64(2*i+2), rows, m.rank)
		file = append(file, down, up)
		scale := 0.6
		if m.alpha != 0 {
			scale *= float64(m.alpha) / float64(m.rank)
			file = append(file, weights.Float32Tensor(m.name+".alpha", nil, []float32{m.alpha}))
		}
		a, b := weights.Decode(m.down, down.Data), weights.Decode(m.up, up.Data)
		for at := range whole {
			sum := 0.0
			for k := range m.rank {
				sum += float64(b[int64(at)/columns*m.rank+k]) * float64(a[k*columns+int64(at)%columns])
			}
			whole[at] += float32(scale * sum)
		}
		want[m.tensor] = whole
	}
	path := filepath.Join(t.TempDir(), "odd.safetensors")
	if err := weights.Write(path, file, nil); err != nil {
		t.Fatal(err)
	}
	m, err := bundle.Merge(t.Context(), r, []bundle.LoRA{{Path: path, Strength: 0.6}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for name, w := range want {
		got, worst := make([]float32, len(w)), 0.0
		if err := m.Weights(graphTransformer).ReadFloat32(name, 0, got); err != nil {
			t.Fatal(err)
		}
		for i := range w {
			worst = max(worst, math.Abs(float64(got[i]-w[i])))
		}
		if worst > 1e-5 {
			t.Errorf("%s is off by %g", name, worst)
		}
	}
	if m.Changed(graphTransformer, "blocks.1.attn1.to_q.weight") {
		t.Error("a tensor changes that no module names")
	}
}

func oddTensor(t *testing.T, name string, d weights.DType, seed uint64, shape ...int64) weights.Tensor {
	t.Helper()
	v := noise.Normal(seed, int(shape[0]*shape[1]))
	for i := range v {
		v[i] /= 8
	}
	raw, err := weights.Encode(d, v)
	if err != nil {
		t.Fatal(err)
	}
	return weights.Tensor{Name: name, DType: d, Shape: shape, Data: raw}
}

// A trainer's file with text-encoder modules, and one of an image-to-video model, are refused in a sentence without a path.
func TestLoRAsOfOtherModels(t *testing.T) {
	r := recipeOf(t, demoCheckpoint)
	for want, module := range map[string]string{
		"changes the text encoder too (lora_te_text_model_encoder_layers_0_mlp_fc1)": "lora_te_text_model_encoder_layers_0_mlp_fc1",
		"changes the text encoder too (lora_te1_layers_0_mlp_fc1)":                   "lora_te1_layers_0_mlp_fc1",
		"changes blocks_0_cross_attn_k_img, which this model does not have":          "lora_unet_blocks_0_cross_attn_k_img",
		"changes blocks.0.attn2.add_k_proj, which this model does not have":          "transformer.blocks.0.attn2.add_k_proj",
	} {
		path := demoLoRA(t, 4, func(all []weights.Tensor) []weights.Tensor {
			return append(all, weights.Float32Tensor(module+".lora_down.weight", []int64{1, 8}, make([]float32, 8)), weights.Float32Tensor(module+".lora_up.weight", []int64{8, 1}, make([]float32, 8)))
		})
		_, err := bundle.Merge(t.Context(), r, []bundle.LoRA{{Path: path, Strength: 1}})
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), filepath.Dir(path)) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// What a bundle says that it was made of is what it was made of: a file that is written to between its digest and the end of the merge
// makes none, one that is replaced is read as it was.
func TestALoRAThatChangesWhileItIsMerged(t *testing.T) {
	base := demoBundle(t)
	for _, c := range []struct {
		how    string
		change func(path string) error
		whole  bool
	}{
		{"overwritten", func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				defer f.Close()
				_, err = f.WriteAt([]byte{0x3f}, 1<<14)
			}
			return err
		}, false},
		{"truncated", func(path string) error { return os.Truncate(path, 1<<14) }, false},
		{"replaced", func(path string) error {
			return os.Rename(demoLoRA(t, 2, nil), path)
		}, true},
		{"told another use", func(path string) error {
			return os.WriteFile(weights.Companion(path), []byte(`{"distilled":"4step"}`), 0o600)
		}, false},
	} {
		path, out := demoLoRA(t, 4, nil), filepath.Join(filepath.Dir(base), "changing")
		v := weights.VerifyOptions{RecordDir: t.TempDir()}
		d, err := serve.Derive(context.Background(), demoCheckpoint, base, Recipe, []bundle.LoRA{{Path: path, Strength: 1}}, v)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.change(path); err != nil {
			t.Fatal(err)
		}
		_, err = d.Build(context.Background(), out, bundle.Options{}, v)
		d.Close()
		_, there := os.Stat(out)
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
		if c.whole != (err == nil && there == nil) || !c.whole && !errdefs.IsUnavailable(err) {
			t.Errorf("%s: %v; is there: %v", c.how, err, there)
		}
	}
}
