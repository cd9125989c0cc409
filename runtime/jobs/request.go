package jobs

import (
	"encoding/json"
	"fmt"
)

// Request is what to generate. A nil field takes the model's default. JSON names are those of the function's event.
type Request struct {
	Prompt         string   `json:"prompt"`
	NegativePrompt *string  `json:"negative_prompt,omitempty"`
	Width          *int     `json:"width,omitempty"`
	Height         *int     `json:"height,omitempty"`
	NumFrames      *int     `json:"num_frames,omitempty"`
	FPS            *float64 `json:"fps,omitempty"`
	Steps          *int     `json:"num_inference_steps,omitempty"`
	Guidance       *float64 `json:"guidance_scale,omitempty"`
	Seed           *int64   `json:"seed,omitempty"`
	Image          string   `json:"image,omitempty"` // base64 or a data: URL; not kept in the record
	Preview        bool     `json:"preview,omitempty"`
}

// Payload gives the event body that the function gets.
func (r Request) Payload() ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	return b, nil
}

// Submit is one job to be queued.
type Submit struct {
	Model       string
	Client      string
	Priority    Priority
	Request     Request
	Deadline    int64  // seconds from now; 0: the service's default
	MaxAttempts int    // 0: the service's default
	Webhook     string // http(s) URL called when the job has ended; "": none
	Key         string // idempotency key; in a batch, item i uses Key + "/" + i
	Batched     bool   // one of a batch, even when it is the only one
}
