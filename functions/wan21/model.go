package wan21

import (
	"context"
	"image"

	"github.com/videosdgx/videosdgx/functions/handler"
)

// Model is an open bundle as the handler sees it.
type Model struct {
	*Pipeline
	Name   string // of the model, from its manifest
	Digest string // of the bundle
}

var _ handler.Model = Model{}

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
		Name: m.Name, Family: Family, Digest: m.Digest,
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

// Generate makes the clip of a checked request.
func (m Model) Generate(ctx context.Context, r handler.Request, out handler.Output) error {
	return m.Pipeline.Generate(ctx, Request{
		Prompt: r.Prompt, NegativePrompt: r.NegativePrompt, Width: r.Width, Height: r.Height, Frames: r.NumFrames,
		Steps: r.Steps, Guidance: r.Guidance, Seed: uint64(r.Seed), Image: r.Image,
	}, observe(r, out))
}

// observe translates the pipeline's words into the handler's.
func observe(r handler.Request, out handler.Output) Observer {
	at, frames := handler.Progress{}, 0
	o := Observer{
		Phase: func(name string) { out.Progress(handler.Progress{Phase: name}) },
		Step: func(done, total int) {
			at = handler.Progress{Phase: "denoise", Step: done, Steps: total}
			out.Progress(at)
		},
		Latents: func(latents []float32, _ []int64) { out.Latents(latents) },
		Frame: func(rgb []byte) error {
			frames++
			out.Progress(handler.Progress{Phase: "decode", Step: frames, Steps: r.NumFrames})
			return out.Frame(rgb)
		},
	}
	if r.Preview {
		o.Preview = func(img image.Image) {
			at.Preview = img
			out.Progress(at)
		}
	}
	return o
}
