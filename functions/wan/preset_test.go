package wan

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/kernels/kernelstest"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/functions/serve"
)

// A LoRA whose header, or a file beside it, says that it is distilled makes a bundle whose four steps are the right ones: the
// positions after the shift, without guidance, and those are its defaults.
func TestADistilledLoRABringsItsSteps(t *testing.T) {
	base, path := demoBundle(t), demoLoRA(t, 4, nil)
	beside := strings.TrimSuffix(path, ".safetensors") + ".json"
	for text, steps := range map[string]int{`{"distilled": "4step"}`: 4, `{"distilled": {"denoising_step_list": [1000, 500], "sample_shift": 3, "renoise": true}}`: 2} {
		if err := os.WriteFile(beside, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		dir, m, err := derive(t, base, bundle.LoRA{Path: path, Strength: 1})
		if err != nil {
			t.Fatal(err)
		}
		p := openPipeline(t, dir, engine.Options{})
		d := Model{Pipeline: p}.Describe().Defaults
		if d.Steps != steps || d.Guidance != 1 || !strings.Contains(string(m.Schema), `"default":1`) {
			t.Errorf("%s: %d steps at guidance %g, schema %s", text, d.Steps, d.Guidance, m.Schema)
		}
		sched, err := p.schedule(d.Steps, 5)
		if err != nil || len(sched.Timesteps()) != steps || steps == 4 && sched.Timesteps()[1] != 937.5 {
			t.Errorf("%s: timesteps %v, %v", text, sched, err)
		}
		r := small()
		r.Steps, r.Guidance = steps, 1
		if err := p.Generate(context.Background(), r, silence()); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(beside, []byte(`{"distilled": "5step"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := derive(t, base, bundle.LoRA{Path: path, Strength: 1}); err == nil || !strings.Contains(err.Error(), "4step") {
		t.Errorf("got %v", err)
	}
}

// Two LoRAs that are made for other steps contradict each other, whichever is asked for first; two that say the same do not.
func TestTwoDistilledLoRAs(t *testing.T) {
	r := recipeOf(t, demoCheckpoint)
	said := func(text string) bundle.LoRA {
		path := demoLoRA(t, 1, nil)
		if err := os.WriteFile(weights.Companion(path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return bundle.LoRA{Path: path, Strength: 1}
	}
	four, list, eight, style := said(`{"distilled": "4step"}`), said(`{"distilled": {"denoising_step_list": [1000, 750, 500, 250], "sample_shift": 5}}`), said(`{"distilled": "8step"}`), said(`{}`)
	for _, c := range []struct {
		loras []bundle.LoRA
		steps string // "": refused
	}{
		{[]bundle.LoRA{four, eight}, ""}, {[]bundle.LoRA{eight, style, four}, ""}, {[]bundle.LoRA{four, list, style}, "[1000,750,500,250]"},
		{[]bundle.LoRA{style, eight}, "[1000,875,750,625,500,375,250,125]"},
	} {
		m, err := bundle.Merge(t.Context(), r, c.loras)
		if c.steps == "" {
			if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "is made for other steps than LoRA") {
				t.Errorf("got %v", err)
			}
			continue
		}
		if err != nil || !strings.Contains(string(m.Configs[pipelinePart]), c.steps) {
			t.Errorf("want %s, got %s, %v", c.steps, m.Configs[pipelinePart], err)
		}
		m.Close()
	}
	if r.Configs[pipelinePart] != nil {
		t.Errorf("the plain recipe has changed: %s", r.Configs[pipelinePart])
	}
}

// What is derived of a bundle that was built with --distilled is distilled too, whatever its checkpoint says.
func TestABaseThatIsDistilled(t *testing.T) {
	kernelstest.Library(t)
	recipe := func(c *weights.Checkpoint) (bundle.Recipe, error) {
		r, err := Recipe(c)
		if err == nil {
			err = r.Preset(&r, map[string]string{bundle.DistilledKey: "4step"})
		}
		return r, err
	}
	cpu, err := serve.CPU()
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(t.TempDir(), "base")
	if _, err := serve.Build(t.Context(), demoCheckpoint, base, recipe, bundle.Options{Targets: []bundle.Target{cpu}}); err != nil {
		t.Fatal(err)
	}
	_, m, err := derive(t, base, bundle.LoRA{Path: demoLoRA(t, 4, nil), Strength: 1})
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := weights.ReadManifest(base); err != nil || string(m.Configs[pipelinePart]) != string(plain.Configs[pipelinePart]) || string(m.Schema) != string(plain.Schema) ||
		!strings.Contains(string(m.Defaults), `"num_inference_steps": 4`) {
		t.Errorf("%s with defaults %s, %v", m.Configs[pipelinePart], m.Defaults, err)
	}
}

// A checkpoint says so itself.
func TestADistilledCheckpoint(t *testing.T) {
	dir := copyCheckpoint(t, "model_index.json", func(raw []byte) []byte {
		return []byte(strings.Replace(string(raw), "{", `{"distilled": {"denoising_step_list": [1000, 750, 500, 250], "sample_shift": 5},`, 1))
	})
	var r bundle.Recipe
	c, err := weights.InspectCheckpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if r, err = Recipe(c); err != nil || !strings.Contains(string(r.Configs[pipelinePart]), "denoising_step_list") {
		t.Errorf("%s, %v", r.Configs[pipelinePart], err)
	}
	changedJSON(t, filepath.Join(dir, "model_index.json"), map[string]any{"distilled": map[string]any{"denoising_step_list": []int{1, 2}, "sample_shift": 5}})
	if _, err := serve.Plan(dir, Recipe, bundle.Options{}, bundle.ClipSize{}); err == nil || !strings.Contains(err.Error(), "must fall") {
		t.Errorf("got %v", err)
	}
}
