package handler

import "github.com/videosdgx/videosdgx/functions/media"

// Result is the answer to a plain request. Fields that a model does not have are left out.
type Result struct {
	Video       []byte             `json:"video,omitempty"` // MP4; base64 in JSON
	Audio       []byte             `json:"audio,omitempty"` // WAV, of a model that makes sound alone
	ContentType string             `json:"content_type"`
	Prompt      string             `json:"prompt"`
	Seed        int64              `json:"seed"`
	Width       int                `json:"width,omitempty"`
	Height      int                `json:"height,omitempty"`
	NumFrames   int                `json:"num_frames,omitempty"`
	FPS         float64            `json:"fps,omitempty"`
	Sound       float64            `json:"sound_seconds,omitempty"`
	Steps       int                `json:"num_inference_steps,omitempty"`
	Guidance    float64            `json:"guidance_scale,omitempty"`
	Timings     map[string]float64 `json:"timings"` // seconds, by phase and in total
	Model       string             `json:"model"`
	Engine      string             `json:"engine,omitempty"`         // that made the clip
	Latents     string             `json:"latents_sha256,omitempty"` // digest of the latents: same request and seed, same digest
	Pieces      []ResultPiece      `json:"pieces,omitempty"`
}

// ResultPiece is a finished file beside the clip.
type ResultPiece struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Filename    string `json:"filename,omitempty"`
	Data        []byte `json:"data"` // base64 in JSON
}

func (g *run) result(f *media.File) Result {
	r := g.r
	res := Result{ContentType: f.Type, Prompt: r.Prompt, Seed: r.Seed, Width: r.Width, Height: r.Height, NumFrames: f.Frames, FPS: r.FPS, Sound: rounded(f.Seconds),
		Steps: r.Steps, Guidance: r.Guidance, Timings: g.clock.stop(), Model: g.h.d.Name, Latents: g.latents}
	res.Engine, _ = g.h.engine()
	if f.Frames == 0 { // sound alone
		res.Width, res.Height, res.FPS = 0, 0, 0
	}
	for _, p := range g.pieces {
		res.Pieces = append(res.Pieces, ResultPiece{Name: p.Name, ContentType: p.Type, Filename: p.Filename, Data: p.Data})
	}
	return res
}
