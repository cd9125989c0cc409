package wan

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
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
