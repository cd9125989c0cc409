package waver

import (
	"context"
	"encoding/json"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

const demo = "../../images/demo/wan21-tiny"

func write(t testing.TB, path string, v any) {
	t.Helper()
	raw, err := json.Marshal(v)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkpoint is one in the layout of README.md, without weights: the demo's VAE and first encoder, a tiny Qwen.
func checkpoint(t testing.TB, change func(c *TransformerConfig)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "waver-tiny")
	if err := os.CopyFS(dir, os.DirFS(demo)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "transformer")); err != nil {
		t.Fatal(err)
	}
	c := tiny
	c.T5Dim, c.MaxWidth = 256, 128
	if change != nil {
		change(&c)
	}
	raw, err := os.ReadFile("../inference/text/testdata/qwen-style.json")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "transformer/config.json"), c)
	write(t, filepath.Join(dir, "text_encoder_2/config.json"), map[string]any{"vocab_size": 500, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 2})
	write(t, filepath.Join(dir, "tokenizer_2/tokenizer.json"), json.RawMessage(raw))
	write(t, filepath.Join(dir, "scheduler/scheduler_config.json"), map[string]any{"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 7.0, "num_train_timesteps": 1000})
	two := func(a, b string) []string { return []string{a, b} }
	write(t, filepath.Join(dir, "model_index.json"), map[string]any{"_class_name": "WaverPipeline", "transformer": two("waver", "WaverTransformer3DModel"), "vae": two("diffusers", "AutoencoderKLWan"),
		"text_encoder": two("transformers", "UMT5EncoderModel"), "tokenizer": two("transformers", "T5TokenizerFast"), "text_encoder_2": two("transformers", "Qwen2Model"),
		"tokenizer_2": two("transformers", "Qwen2TokenizerFast"), "scheduler": two("diffusers", "FlowMatchEulerDiscreteScheduler"),
		"defaults": map[string]any{"width": 32, "height": 32, "num_frames": 5, "num_inference_steps": 3, "max_sequence_length": 16}})
	return dir
}

func recipe(t testing.TB, dir string) (bundle.Recipe, error) {
	t.Helper()
	c, err := weights.InspectCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return Recipe(c)
}

// A checkpoint in the documented layout becomes a bundle that makes clips of text, and others of text and an image.
func TestAClip(t *testing.T) {
	dir, man := randomBundle(t)
	if man.Family != Family || man.Precision != "fp8" {
		t.Fatalf("%+v", man)
	}
	m, err := serve.Open(context.Background(), dir, weights.VerifyOptions{RecordDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	m.Options = engine.Options{}
	open, err := Open(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer open.(*Pipeline).Close()
	d := open.Describe()
	if d.Defaults.Guidance != 8 || d.Limits.WidthMultiple != 16 || d.Limits.Image != "optional" {
		t.Errorf("%+v", d)
	}
	var latents [3][]float32
	for i := range latents {
		req := d.Defaults
		req.Prompt, req.Seed = "a red circle", 3
		if i == 2 {
			req.Image = image.NewRGBA(image.Rect(0, 0, 32, 32))
		}
		frames := 0
		err := open.Generate(context.Background(), req, handler.Output{Progress: func(handler.Progress) {}, Frame: func([]byte) error { frames++; return nil },
			Latents: func(v []float32) { latents[i] = slices.Clone(v) }})
		if err != nil || frames != 5 {
			t.Fatalf("%d frames, %v", frames, err)
		}
	}
	if !slices.Equal(latents[0], latents[1]) || slices.Equal(latents[0], latents[2]) {
		t.Error("the same request gives other latents, or the image changes nothing")
	}
	p := open.(*Pipeline)
	stages, err := p.fitting(handler.Request{}).Staged(false)(bundle.ClipSize{Width: d.Defaults.Width, Height: d.Defaults.Height, Frames: d.Defaults.NumFrames})
	if err != nil {
		t.Fatal(err)
	}
	most := bundle.Plan{Stages: stages}.Peak()
	p.memory = most.Weights + most.Activations - 1
	err = p.Generate(context.Background(), d.Defaults, handler.Output{Progress: func(handler.Progress) { t.Error("it began") }})
	if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "of memory ("+most.Graph+"), this instance may take") || !strings.HasSuffix(err.Error(), "would fit: invalid argument") {
		t.Errorf("a clip that does not fit: %v", err)
	}
	p.memory++
	if err := p.checkMemory(d.Defaults); err != nil {
		t.Errorf("a clip that just fits: %v", err)
	}
}

func TestCheckpointsThatDoNotFit(t *testing.T) {
	for want, change := range map[string]func(c *TransformerConfig){
		"the encoders give 256 and 24":    func(c *TransformerConfig) { c.QwenDim = 32 },
		"latents, image and mask make 36": func(c *TransformerConfig) { c.InChannels = 16 },
		"transformer of -1 layers":        func(c *TransformerConfig) { c.Dual = -1 },
	} {
		if _, err := recipe(t, checkpoint(t, change)); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	defaults := func(name string, value any) func(dir string) {
		return func(dir string) {
			var index map[string]any
			raw, err := os.ReadFile(filepath.Join(dir, "model_index.json"))
			if err == nil {
				err = json.Unmarshal(raw, &index)
			}
			if err != nil {
				t.Fatal(err)
			}
			index["defaults"].(map[string]any)[name] = value
			write(t, filepath.Join(dir, "model_index.json"), index)
		}
	}
	blocks := func(component string, names ...string) func(dir string) {
		return func(dir string) {
			var all []weights.Tensor
			for _, n := range names {
				all = append(all, weights.Float32Tensor(n, []int64{1}, []float32{1}))
			}
			if err := weights.Write(filepath.Join(dir, component, "model.safetensors"), all, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for want, spoil := range map[string]func(dir string){
		"transformer has 2 blocks by its configuration and 5 by its weights (dual.blocks.0":   blocks("transformer", "dual.blocks.4.x.y", "single.blocks.1.x"),
		"transformer has 2 blocks by its configuration and 1 by its weights (single.blocks.0": blocks("transformer", "dual.blocks.1.x.y", "single.blocks.0.x"),
		"text_encoder_2 has 1 blocks by its configuration and 3 by its weights (layers.0":     blocks("text_encoder_2", "layers.2.x"),
		"and 2 by its weights (model.layers.0":                                                blocks("text_encoder_2", "model.layers.1.x"),
		"width is 33":                                                                         defaults("width", 33), "num_inference_steps is 0": defaults("num_inference_steps", 0), "num_frames is 4": defaults("num_frames", 4),
		"max_sequence_length is 0": defaults("max_sequence_length", 0), "apg_norm_threshold -1": defaults("apg_norm_threshold", -1),
		"apg_eta is of the JSON type string: it must be a number": defaults("apg_eta", "x"),
		"tokenizer_2: the tokenizer knows": func(dir string) {
			write(t, filepath.Join(dir, "text_encoder_2/config.json"), map[string]any{"vocab_size": 50, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 2})
		},
		"prediction_type is epsilon": func(dir string) {
			write(t, filepath.Join(dir, "scheduler/scheduler_config.json"), map[string]any{"_class_name": "UniPCMultistepScheduler"})
		},
	} {
		dir := checkpoint(t, nil)
		spoil(dir)
		if _, err := recipe(t, dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	b := &weights.Bundle{Manifest: weights.Manifest{Family: "wan21"}, Dir: "here"}
	if _, err := Open(context.Background(), &bundle.Model{Bundle: b}); !errdefs.IsInvalidArgument(err) {
		t.Errorf("a bundle of another family: %v", err)
	}
}
