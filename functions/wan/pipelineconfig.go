package wan

import (
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// PipelineConfig is what model_index.json says beside the components.
type PipelineConfig struct {
	// BoundaryRatio is the share of the training timesteps below which the second expert takes over.
	BoundaryRatio *float64 `json:"boundary_ratio,omitempty"`
	// Expand gives every patch a timestep of its own: an image stands still in the first frame.
	Expand bool `json:"expand_timesteps,omitempty"`
	// Distilled is how a step-distilled model is walked in place of the scheduler; nil: it is not one.
	Distilled *schedule.Distilled `json:"distilled,omitempty"`
}

// pipelinePart is the name of PipelineConfig among the configurations of a bundle.
const pipelinePart = "pipeline"

// pipelineConfig takes it out of a checkpoint; nil when there is nothing to say.
func pipelineConfig(ckpt *weights.Checkpoint) (json.RawMessage, error) {
	var p PipelineConfig
	if d, ok := named(ckpt.Index[bundle.DistilledKey]); ok {
		p.Distilled = &d
	} else if err := member(ckpt, bundle.DistilledKey, &p.Distilled, fmt.Sprintf("%v, or an object with denoising_step_list and sample_shift", Presets())); err != nil {
		return nil, err
	}
	if err := member(ckpt, "boundary_ratio", &p.BoundaryRatio, "a number from 0 to 1"); err != nil {
		return nil, err
	}
	if err := member(ckpt, "expand_timesteps", &p.Expand, "true or false"); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(p)
	if err != nil || string(raw) == "{}" {
		return nil, err
	}
	return raw, nil
}

// member reads a member of model_index.json, if it is there.
func member(ckpt *weights.Checkpoint, name string, to any, would string) error {
	raw, ok := ckpt.Index[name]
	if !ok || json.Unmarshal(raw, to) == nil {
		return nil
	}
	return fmt.Errorf("model_index.json has %s as %s: %s would do: %w", name, raw, would, errdefs.ErrInvalidArgument)
}

// named is a preset that is called by its name.
func named(raw json.RawMessage) (d schedule.Distilled, ok bool) {
	var name string
	if len(raw) > 0 && json.Unmarshal(raw, &name) == nil {
		d, ok = presets[name]
	}
	return d, ok
}

// parsePipeline reads what only some checkpoints have: a second expert, and how the pipeline uses the transformers.
func (c *configs) parsePipeline(by map[string]json.RawMessage) error {
	if by[pipelinePart] != nil {
		if err := bundle.Decode(by, map[string]any{pipelinePart: &c.Pipeline}); err != nil {
			return err
		}
	}
	if d := c.Pipeline.Distilled; d != nil {
		sched, err := schedule.ParseConfig(c.Scheduler)
		if err != nil {
			return err
		}
		if err := d.Validate(sched.TrainTimesteps); err != nil {
			return err
		}
	}
	c.Transformer = c.Transformer.WithDefaults()
	c.Transformer.PerToken = c.Pipeline.Expand
	if by[graphSecond] == nil {
		return nil
	}
	var second TransformerConfig
	if err := bundle.Decode(by, map[string]any{graphSecond: &second}); err != nil {
		return err
	}
	second = second.WithDefaults()
	second.PerToken = c.Pipeline.Expand
	c.Second = &second
	return nil
}

// validateExperts holds two experts to each other: they walk the same latents.
func (c configs) validateExperts() error {
	if (c.Second != nil) != (c.Pipeline.BoundaryRatio != nil) {
		return fmt.Errorf("a model of two experts needs transformer_2 and a boundary_ratio, this checkpoint has one of them: %w", errdefs.ErrInvalidArgument)
	}
	if c.Second == nil {
		return nil
	}
	if r := *c.Pipeline.BoundaryRatio; r < 0 || r > 1 {
		return fmt.Errorf("boundary_ratio is %g: 0 to 1 would do: %w", r, errdefs.ErrInvalidArgument)
	}
	a, b := c.Transformer, *c.Second
	if a.InChannels != b.InChannels || a.OutChannels != b.OutChannels || a.TextDim != b.TextDim || a.HeadDim != b.HeadDim {
		return fmt.Errorf("the two experts differ in channels, text or heads: %w", errdefs.ErrInvalidArgument)
	}
	return b.Validate()
}

// boundary is the timestep below which the second expert predicts, 0 with one.
func (c configs) boundary(trainTimesteps float64) float32 {
	if c.Second == nil {
		return 0
	}
	return float32(*c.Pipeline.BoundaryRatio * trainTimesteps)
}
