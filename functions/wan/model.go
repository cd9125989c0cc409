package wan

import (
	"context"
	"encoding/json"

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

// Open opens a bundle of a family.
func Open(ctx context.Context, m *bundle.Model, family string) (handler.Model, error) {
	if err := m.Is(family); err != nil {
		return nil, err
	}
	p, err := open(ctx, m)
	if err != nil {
		return nil, err
	}
	return Model{Pipeline: p, Name: m.Name, Digest: m.Manifest.Digest, Schema: m.Manifest.Schema}, nil
}

// Describe gives the sizes that the checkpoint's rotary tables and compression allow.
func (m Model) Describe() handler.Description {
	d, c := m.defaults, m.c
	wide, high := int(c.VAE.SpatialScale()*c.Transformer.PatchSize[2]), int(c.VAE.SpatialScale()*c.Transformer.PatchSize[1])
	step := int(c.VAE.TemporalScale())
	picture, last, video := "none", "none", "none"
	var needs map[string][]string
	switch {
	case c.imageToVideo():
		picture, last = "required", m.lastImage()
	case c.Pipeline.Expand:
		picture = "optional"
	default:
		video = "optional"
		needs = map[string][]string{strengthField: {"video"}}
	}
	return handler.Description{
		Properties: m.properties(), Needs: needs,
		Name: m.Name, Family: m.c.family(), Digest: m.Digest, Schema: m.Schema, Embed: m.embed, Rehearse: m.rehearse, Fits: m.fits,
		Defaults: handler.Request{Width: d.Width, Height: d.Height, NumFrames: d.Frames, FPS: float64(d.FPS), Steps: d.Steps, Guidance: d.Guidance},
		Limits: handler.Limits{
			WidthMultiple: wide, HeightMultiple: high, MaxWidth: min(m.maxPatches()*wide, maxSide), MaxHeight: min(m.maxPatches()*high, maxSide),
			FrameStep: step, MaxFrames: maxFrames, MaxSteps: maxSteps, MaxGuidance: maxGuidance, MaxFPS: 120,
			MaxPromptBytes: 8 << 10, MaxTokens: m.promptTokens(), Image: picture, LastImage: last, Video: video, Tokens: m.tokenizer.Tokens,
		},
	}
}

// The largest clip that a request may ask for, whatever the checkpoint allows.
const (
	maxSide   = 1920
	maxFrames = 1921 // two minutes at 16 a second, in passes
	maxSteps  = 1000

	maxGuidance = 30
)

// lastImage says whether a clip may end with a picture: checkpoints that describe two pictures need it, those that describe one
// have no place for it, and those that describe none see it in the latents.
func (p *Pipeline) lastImage() string {
	switch t := p.c.Transformer; {
	case t.PosEmbedSeqLen > 0:
		return "required"
	case t.ImageDim > 0:
		return "none"
	}
	return "optional"
}

// properties are the fields of a request that only some checkpoints have.
func (p *Pipeline) properties() map[string]json.RawMessage {
	own := map[string]any{
		stepCacheField: map[string]any{"type": "number", "minimum": 0, "maximum": 1, "default": 0,
			"description": "How far a prediction may drift and still be used again: 0 makes every step exact, 0.1 saves about a third of them"},
	}
	step := int(p.c.VAE.TemporalScale())
	own[windowField] = map[string]any{"type": "integer", "minimum": step + 1, "maximum": (p.maxPatches()-1)*step + 1, "x-step": step, "default": p.window(handler.Request{}),
		"description": "Frames that are made at once, which is what memory depends on: a longer clip goes on from its last frames"}
	if !p.c.imageToVideo() && !p.c.Pipeline.Expand {
		own[strengthField] = map[string]any{"type": "number", "minimum": 0, "maximum": 1, "default": 0.8,
			"description": "How far a clip that is sent is taken back to noise: 0 keeps it, 1 leaves nothing of it"}
	}
	lora := map[string]any{
		"name":     map[string]any{"type": "string", "minLength": 1, "maxLength": 128, "pattern": `^[^./\\][^/\\]*$`, "description": "Of a file in the server's folder of LoRAs, without its ending"},
		"strength": map[string]any{"type": "number", "minimum": -10, "maximum": 10, "default": 1, "description": "How much of it is merged in"},
	}
	if p.c.Second != nil {
		lora["component"] = map[string]any{"enum": []string{graphTransformer, graphSecond}, "description": "The expert that it changes, where it does not say itself: that of high noise, or the other"}
	}
	own[lorasField] = map[string]any{"type": "array", "maxItems": 8, "description": "LoRAs to make the clip with; they are merged into the model, once for each choice",
		"items": map[string]any{"type": "object", "required": []string{"name"}, "additionalProperties": false, "properties": lora}}
	if p.c.Second != nil {
		own[secondGuidance] = map[string]any{"type": "number", "minimum": 0, "maximum": maxGuidance, "default": p.defaults.SecondGuidance,
			"description": "How closely the expert of low noise follows the prompt"}
	}
	out := map[string]json.RawMessage{}
	for name, field := range own {
		raw, err := json.Marshal(field)
		if err != nil {
			panic(err) // numbers and words
		}
		out[name] = raw
	}
	return out
}

// The fields of a request that are this package's own.
const (
	secondGuidance = "guidance_scale_2"
	stepCacheField = "step_cache"
	lorasField     = "loras"
	windowField    = "window"
	strengthField  = "strength"
)
