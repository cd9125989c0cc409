package magi1

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

// Model is an open bundle as the handler sees it.
type Model struct {
	*Pipeline
	Name   string          // of the model, from its manifest
	Digest string          // of the bundle
	Schema json.RawMessage // of a request, as the bundle publishes it; nil: that of Describe
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

// Describe gives the sizes that the configuration allows. A distilled model has no guidance to set.
func (m Model) Describe() handler.Description {
	r, guidance := m.c.Runtime, 0.0
	if r.CFGNumber == 3 {
		guidance = float64(slices.Max(r.TextScales))
	}
	d := handler.Description{
		Name: m.Name, Family: Family, Digest: m.Digest, Schema: m.Schema, Properties: m.c.properties(), Streams: true, Embed: m.embed, Fits: m.fits,
		Defaults: handler.Request{Width: r.Width, Height: r.Height, NumFrames: r.NumFrames, FPS: float64(r.FPS), Steps: r.NumSteps, Guidance: guidance},
		Limits: handler.Limits{
			WidthMultiple: m.c.side(), HeightMultiple: m.c.side(), MaxWidth: maxSide, MaxHeight: maxSide, FrameStep: m.c.chunkFrames(), MaxFrames: maxSeconds * r.FPS,
			MaxSteps: maxSteps, MaxFPS: 120, MaxPromptBytes: 8 << 10, MaxTokens: m.c.textTokens(), Image: "optional", Video: "optional", Tokens: m.tokenizer.Tokens,
		},
	}
	if guidance > 0 {
		d.Limits.MaxGuidance = 30
	}
	return d
}
