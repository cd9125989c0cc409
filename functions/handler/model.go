package handler

import (
	"context"
	"image"
)

// Model is the model as this package sees it. Generate is called by one goroutine at a time.
type Model interface {
	// Describe says what the model is and takes. It does not change.
	Describe() Description
	// Generate makes the clip of a checked request, and gives it frame by frame. It ends soon when ctx does, with the
	// context's cause; an error of class InvalidArgument blames the request.
	Generate(ctx context.Context, r Request, out Output) error
}

// Output is where a model's work goes. No function is nil.
type Output struct {
	// Progress says what the model is at. It never blocks.
	Progress func(Progress)
	// Frame takes one frame, height·width·3 bytes of RGB, valid until it returns. Its error ends the clip.
	Frame func(rgb []byte) error
	// Latents takes the finished latents, for their digest.
	Latents func(values []float32)
}

// Progress is one report of a model at work.
type Progress struct {
	Phase       string // "encode", "denoise", "decode", or the model's own word
	Step, Steps int    // Step counts from 1; Steps 0: unknown
	Preview     image.Image
	Message     string
}

// Request is a checked request with every default filled in.
type Request struct {
	Prompt         string      `json:"prompt"`
	NegativePrompt string      `json:"negative_prompt"`
	Width          int         `json:"width"`
	Height         int         `json:"height"`
	NumFrames      int         `json:"num_frames"`
	FPS            float64     `json:"fps"`
	Steps          int         `json:"num_inference_steps"`
	Guidance       float64     `json:"guidance_scale"`
	Seed           int64       `json:"seed"`
	Image          image.Image `json:"-"`
	Preview        bool        `json:"-"`
	Output         string      `json:"-"` // "json" or "mp4"
}

// Description is what a model is and takes.
type Description struct {
	Name     string  `json:"name"`
	Family   string  `json:"family"`
	Digest   string  `json:"digest,omitempty"` // of the bundle
	Defaults Request `json:"defaults"`
	Limits   Limits  `json:"limits"`
}

// Limits are the values that a model takes. Maxima are inclusive.
type Limits struct {
	WidthMultiple  int     `json:"width_multiple"` // sides are multiples of these
	HeightMultiple int     `json:"height_multiple"`
	MaxWidth       int     `json:"max_width"`
	MaxHeight      int     `json:"max_height"`
	FrameStep      int     `json:"frame_step"` // num_frames is a multiple of this plus one
	MaxFrames      int     `json:"max_frames"`
	MaxSteps       int     `json:"max_steps"`
	MaxGuidance    float64 `json:"max_guidance"`
	MaxFPS         float64 `json:"max_fps"`
	MaxPromptBytes int     `json:"max_prompt_bytes"`
	MaxTokens      int     `json:"max_tokens,omitempty"` // of a prompt, 0: not counted
	Image          string  `json:"image"`                // "none", "optional", "required"
	// Tokens counts a prompt's tokens, for MaxTokens.
	Tokens func(prompt string) (int, error) `json:"-"`
}
