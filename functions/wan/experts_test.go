package wan

import (
	"context"
	"encoding/json"
	"fmt"
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
	"github.com/videosdgx/videosdgx/functions/inference/golden"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// changedJSON merges members into a file of JSON.
func changedJSON(t *testing.T, path string, change map[string]any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for name, v := range change {
		all[name] = v
	}
	if raw, err = json.Marshal(all); err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// twoExperts is the demo's checkpoint with its transformer as both experts.
func twoExperts(t *testing.T) string {
	t.Helper()
	dir := copyCheckpoint(t, "model_index.json", func(raw []byte) []byte { return raw })
	if err := os.CopyFS(filepath.Join(dir, "transformer_2"), os.DirFS(filepath.Join(dir, "transformer"))); err != nil {
		t.Fatal(err)
	}
	changedJSON(t, filepath.Join(dir, "model_index.json"), map[string]any{"transformer_2": []string{"diffusers", "WanTransformer3DModel"}, "boundary_ratio": 0.875})
	return dir
}

// transformersOpened counts how often experts are opened.
type transformersOpened struct {
	engine.Engine
	n int
}

func (e *transformersOpened) Open(ctx context.Context, path string, o engine.Options) (engine.Session, error) {
	if strings.HasPrefix(filepath.Base(path), graphTransformer) {
		e.n++
	}
	return e.Engine.Open(ctx, path, o)
}

// Two experts that are one and the same make that one's clip; where both do not fit, one at a time is open and each clip swaps
// them once.
func TestTwoExpertsTakeTurns(t *testing.T) {
	want, dir := latentsOf(t, demoBundle(t)), filepath.Join(t.TempDir(), "pair")
	m, err := serve.Build(context.Background(), twoExperts(t), dir, Recipe, bundle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Family != Family22 || !strings.Contains(string(m.Schema), secondGuidance) {
		t.Errorf("family %s, schema %s", m.Family, m.Schema)
	}
	if got := latentsOf(t, dir); !slices.Equal(got, want) {
		t.Error("two equal experts make another clip than one")
	}
	model, err := serve.Open(context.Background(), dir, weights.VerifyOptions{RecordDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	model.Memory = 1 << 20
	opens := &transformersOpened{Engine: model.Engine}
	model.Engine = opens
	p, err := open(context.Background(), model)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.memory = 0 // a clip's picture is decoded as a whole
	for clip := 1; clip <= 2; clip++ {
		var got []float32
		out := silence()
		out.Latents = func(v []float32) { got = slices.Clone(v) }
		if err := p.Generate(context.Background(), small(), out); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Error("taking turns makes another clip")
		}
		if opens.n != 2*clip { // the first is opened, and once the second in its place
			t.Errorf("after %d clips experts were opened %d times", clip, opens.n)
		}
	}
}

// The guidance of the second expert is the request's, or the default.
func TestEachExpertHasItsGuidance(t *testing.T) {
	p := &Pipeline{defaults: Defaults{SecondGuidance: 3}}
	for want, values := range map[float32]map[string]any{3: nil, 2.5: {secondGuidance: json.Number("2.5")}, 7: {secondGuidance: 7.0}} {
		if got := p.secondGuidance(handler.Request{Values: values}); got != want {
			t.Errorf("%v gives %g, want %g", values, got, want)
		}
	}
}

func TestExpertsThatAreNoPair(t *testing.T) {
	for want, change := range map[string]map[string]any{
		"has one of them": {"boundary_ratio": nil}, "boundary_ratio is 1.5: 0 to 1 would do": {"boundary_ratio": 1.5},
		`boundary_ratio as "0.9": a number from 0 to 1 would do`: {"boundary_ratio": "0.9"}, "expand_timesteps as 1: true or false would do": {"expand_timesteps": 1},
		`distilled as "9step": [4step 8step], or an object`: {"distilled": "9step"},
		"width is 33":              {"defaults": map[string]any{"width": 33, "height": 32, "num_frames": 9}},
		"max_sequence_length is 0": {"defaults": map[string]any{"max_sequence_length": 0}},
	} {
		dir := twoExperts(t)
		changedJSON(t, filepath.Join(dir, "model_index.json"), change)
		if _, err := serve.Build(context.Background(), dir, filepath.Join(t.TempDir(), "b"), Recipe, bundle.Options{}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	shallow := twoExperts(t)
	changedJSON(t, filepath.Join(shallow, "transformer_2", "config.json"), map[string]any{"num_layers": 1})
	if _, err := serve.Build(context.Background(), shallow, filepath.Join(t.TempDir(), "b"), Recipe, bundle.Options{}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "transformer_2 has 1 blocks by its configuration and") {
		t.Errorf("a second expert with fewer blocks than weights: %v", err)
	}
	_, err := bundle.Merge(t.Context(), recipeOf(t, twoExperts(t)), []bundle.LoRA{{Path: demoLoRA(t, 4, nil), Strength: 1}})
	if err == nil || !strings.Contains(err.Error(), "name its component, transformer for the one of high noise") {
		t.Errorf("a LoRA for whom: %v", err)
	}
	m, err := bundle.Merge(t.Context(), recipeOf(t, twoExperts(t)), []bundle.LoRA{{Path: demoLoRA(t, 4, nil), Strength: 1, Component: "transformer_2"}})
	if err != nil || !m.Changed("transformer_2", "blocks.0.attn1.to_q.weight") || m.Changed("transformer", "blocks.0.attn1.to_q.weight") {
		t.Errorf("a LoRA for the second: %v", err)
	}
	m.Close()
}

func recipeOf(t *testing.T, dir string) bundle.Recipe {
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
	return r
}

// textAndImage is a checkpoint of the TI2V kind, of random weights.
func textAndImage(t *testing.T) bundle.Recipe {
	t.Helper()
	dir := copyCheckpoint(t, "model_index.json", func(raw []byte) []byte { return raw })
	changedJSON(t, filepath.Join(dir, "model_index.json"), map[string]any{"expand_timesteps": true, "boundary_ratio": nil})
	var vae map[string]any
	golden.Open(t, "wan22_vae").Config(&vae)
	changedJSON(t, filepath.Join(dir, "vae", "config.json"), vae)
	changedJSON(t, filepath.Join(dir, "transformer", "config.json"), map[string]any{"in_channels": vae["z_dim"], "out_channels": vae["z_dim"]})
	r := recipeOf(t, dir)
	if _, err := r.Randomise(); err != nil {
		t.Fatal(err)
	}
	return r
}

// A checkpoint of the TI2V kind makes clips of text, and of an image whose latents its first frame keeps.
func TestOneCheckpointForTextAndImage(t *testing.T) {
	kernelstest.Library(t)
	r := textAndImage(t)
	cpu, err := serve.CPU()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "ti2v")
	m, err := bundle.Build(context.Background(), r, out, bundle.Options{Targets: []bundle.Target{cpu}, Precision: bundle.None})
	if err != nil {
		t.Fatal(err)
	}
	p := openPipeline(t, out, engine.Options{})
	side := 2 * int(p.c.VAE.SpatialScale())
	if m.Family != Family22 || !strings.Contains(string(m.Schema), fmt.Sprintf(`"multipleOf":%d`, side)) || !strings.Contains(string(m.Schema), `"image"`) {
		t.Errorf("family %s, schema %s", m.Family, m.Schema)
	}
	req := handler.Request{Prompt: "anything", Width: 2 * side, Height: side, NumFrames: 9, Steps: 2, Guidance: 4, Seed: 5}
	first := map[bool][]float32{}
	for _, withImage := range []bool{false, true} {
		frames := 0
		sink := silence()
		sink.Frame = func(rgb []byte) error {
			if frames++; len(rgb) != 3*2*side*side {
				t.Errorf("a frame of %d bytes", len(rgb))
			}
			return nil
		}
		sink.Latents = func(v []float32) { first[withImage] = slices.Clone(v) }
		if withImage {
			req.Image = image.NewRGBA(image.Rect(0, 0, 2*side, side))
		}
		if err := p.Generate(context.Background(), req, sink); err != nil || frames != 9 {
			t.Fatalf("%d frames, %v", frames, err)
		}
	}
	d := &denoiser{}
	if err := p.standStill(context.Background(), req, d); err != nil {
		t.Fatal(err)
	}
	plane := 2 * 4
	if still := d.still.Float32()[:plane]; !slices.Equal(first[true][:plane], still) || slices.Equal(first[false][:plane], still) {
		t.Error("the first frame is the image's where there is one, and there alone")
	}
}
