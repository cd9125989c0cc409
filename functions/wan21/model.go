package wan21

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

// Open opens a bundle of this family.
func Open(ctx context.Context, m *bundle.Model) (handler.Model, error) {
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
	picture := "none"
	if c.imageToVideo() {
		picture = "required"
	}
	return handler.Description{
		Name: m.Name, Family: Family, Digest: m.Digest, Schema: m.Schema,
		Defaults: handler.Request{Width: d.Width, Height: d.Height, NumFrames: d.Frames, FPS: float64(d.FPS), Steps: d.Steps, Guidance: d.Guidance},
		Limits: handler.Limits{
			WidthMultiple: wide, HeightMultiple: high, MaxWidth: min(m.maxPatches()*wide, maxSide), MaxHeight: min(m.maxPatches()*high, maxSide),
			FrameStep: step, MaxFrames: min((m.maxPatches()-1)*step+1, maxFrames), MaxSteps: maxSteps, MaxGuidance: 30, MaxFPS: 120,
			MaxPromptBytes: 8 << 10, MaxTokens: m.promptTokens(), Image: picture, Tokens: m.tokenizer.Tokens,
		},
	}
}

// The largest clip that a request may ask for, whatever the checkpoint allows.
const (
	maxSide   = 1920
	maxFrames = 481
	maxSteps  = 1000
)
