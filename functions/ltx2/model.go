package ltx2

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

// Model is an open bundle as the handler sees it.
type Model struct {
	*Pipeline
	Name   string          // of the model, from its manifest
	Digest string          // of the bundle
	Schema json.RawMessage // of a request, as the bundle publishes it; nil: that of Describe's limits
}

var _ handler.Model = Model{}

// Open opens a bundle of this family.
func Open(ctx context.Context, m *bundle.Model) (handler.Model, error) {
	p, err := open(ctx, m)
	if err != nil {
		return nil, err
	}
	return Model{Pipeline: p, Name: m.Name, Digest: m.Manifest.Digest, Schema: m.Manifest.Schema}, nil
}

// Describe gives the sizes that the checkpoint's compression allows, and its own fields: sound, scales of guidance, two stages.
func (m Model) Describe() handler.Description {
	d, c := m.defaults, m.c
	side := int(c.VAE.SpatialScale())
	own := map[string]any{
		"audio":          map[string]any{"type": "boolean", "default": true, "description": "Whether the clip has sound"},
		"modality_scale": scale(d.Modality, 1, "How much the video and the sound heed each other; 1 leaves them as they are"),
	}
	not := maps.Clone(absent)
	if !c.hasSound {
		own["audio"] = map[string]any{"type": "boolean", "enum": []bool{false}, "default": false, "description": "This checkpoint makes no sound (it has no audio_vae and vocoder)"}
		not["audio_guidance_scale"], not["output"] = soundless, soundless+", its clips are MP4"
	}
	if c.hasSound {
		own["output"] = map[string]any{"type": "string", "enum": []string{"json", "mp4", "stream", handler.WAV}, "description": "The answer's form; wav is the sound alone"}
		own["audio_guidance_scale"] = map[string]any{"type": "number", "minimum": 0, "maximum": 30, "description": "How closely the sound follows the prompt; left out it is the checkpoint's own; 1 leaves it unguided, 0 takes guidance_scale's"}
	}
	if c.Transformer.PerturbedAttn {
		own["stg_scale"] = scale(d.STG, 0, "Spatio-temporal guidance: how far the clip is led away from a perturbed one; 0 is off")
	} else {
		not["stg_scale"] = "this checkpoint was not trained for it (perturbed_attn)"
	}
	if c.Upsampler != nil {
		own["two_stage"] = map[string]any{"type": "boolean", "default": false, "description": "Whether a clip of half the sides is made first, enlarged and worked out"}
	} else {
		not["two_stage"] = "this checkpoint has no latent_upsampler"
	}
	properties := map[string]json.RawMessage{}
	for name, p := range own {
		properties[name] = rawJSON(p)
	}
	return handler.Description{
		Name: m.Name, Family: Family, Digest: m.Digest, Schema: m.Schema, Properties: properties, Sound: c.hasSound, Embed: m.embed, Absent: not,
		Defaults: handler.Request{Width: d.Width, Height: d.Height, NumFrames: d.Frames, FPS: d.FPS, Steps: d.Steps, Guidance: d.Guidance},
		Limits: handler.Limits{
			WidthMultiple: side, HeightMultiple: side, MaxWidth: maxSide / side * side, MaxHeight: maxSide / side * side,
			FrameStep: int(c.VAE.TemporalScale()), MaxFrames: maxFrames, MaxSteps: maxSteps, MaxGuidance: 30, MaxFPS: maxFPS, MaxSeconds: c.Transformer.longest(),
			MaxPromptBytes: 8 << 10, MaxTokens: d.MaxSequence, Image: "optional", LastImage: "optional", Tokens: m.tokenizer.Tokens,
		},
	}
}

// absent are fields of other models, and what does instead.
var absent = map[string]string{
	"loras":        "a LoRA of this model is merged into its bundle, by `videosdgx models build CHECKPOINT --lora FILE:0.8`",
	"audio_length": lasts, "audio_duration": lasts, "duration": lasts, "seconds": lasts,
}

const soundless = "this checkpoint makes no sound (it has no audio_vae and vocoder)"

const lasts = "a clip and its sound last num_frames / fps seconds"

func scale(normal, least float64, says string) map[string]any {
	return map[string]any{"type": "number", "minimum": least, "maximum": 30, "default": normal, "description": says}
}

func rawJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		slog.Error("a field of the schema cannot be written", "error", err) // maps of plain values can
	}
	return raw
}
