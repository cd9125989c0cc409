package wan

import (
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/inference/text"
)

// presets are the published schedules by name: what a model says under bundle.DistilledKey, where it is not schedule.Distilled as JSON.
var presets = map[string]schedule.Distilled{
	"4step": {Positions: []float64{1000, 750, 500, 250}, Shift: 5},
	"8step": {Positions: []float64{1000, 875, 750, 625, 500, 375, 250, 125}, Shift: 5},
}

// Presets lists what Preset takes by name.
func Presets() []string { return []string{"4step", "8step"} }

// preset has a recipe make distilled clips where metadata says so: by JSON, or by a preset's name.
func preset(r *bundle.Recipe, metadata map[string]string, tokenizer *text.Tokenizer) error {
	raw := metadata[bundle.DistilledKey]
	if raw == "" {
		return nil
	}
	d, ok := presets[raw]
	if !ok {
		if err := json.Unmarshal([]byte(raw), &d); err != nil {
			return fmt.Errorf("distilled schedule %q: %v would do, or JSON with denoising_step_list and sample_shift: %w", raw, Presets(), errdefs.ErrInvalidArgument)
		}
	}
	var p PipelineConfig
	if r.Configs[pipelinePart] != nil {
		if err := json.Unmarshal(r.Configs[pipelinePart], &p); err != nil {
			return err
		}
	}
	p.Distilled = &d
	config, err := json.Marshal(p)
	if err != nil {
		return err
	}
	r.Configs[pipelinePart] = config
	if r.Defaults, err = distilledDefaults(r.Defaults, d); err != nil {
		return err
	}
	return describeWith(r, tokenizer)
}

// distilledDefaults asks for the steps that the model was made for, and for no guidance.
func distilledDefaults(raw json.RawMessage, d schedule.Distilled) (json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, fmt.Errorf("defaults of the checkpoint: %w: %w", err, errdefs.ErrInvalidArgument)
		}
	}
	for name, v := range map[string]any{"num_inference_steps": d.Steps(), "guidance_scale": 1, "guidance_scale_2": 1} {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		all[name] = text
	}
	return json.Marshal(all)
}

// schedule makes the walk of one clip.
func (p *Pipeline) schedule(steps int, seed uint64) (schedule.Scheduler, error) {
	d := p.c.Pipeline.Distilled
	if d == nil {
		return schedule.FromJSON(p.c.Scheduler, schedule.Options{Steps: steps})
	}
	return schedule.NewDistilled(*d, steps, p.trainTimesteps(), func(step, n int) []float32 {
		return noise.Normal(seed+uint64(step+1)*freshNoise, n)
	})
}

// freshNoise is far between the seeds of one clip's noises: an odd number, so that no two of a seed's are one.
const freshNoise = 0x9e3779b97f4a7c15
