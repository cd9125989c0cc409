package handler

import (
	"context"
	"encoding/json"
	"image"

	"github.com/videosdgx/videosdgx/functions/media"
	"github.com/videosdgx/videosdgx/functions/schema"
)

// Model is the model as this package sees it. Generate is called by one goroutine at a time.
type Model interface {
	// Describe says what the model is and takes. It does not change.
	Describe() Description
	// Generate makes the clip of a checked request, and gives it frame by frame. It ends soon when ctx does, with the
	// context's cause; an error of class InvalidArgument blames the request.
	Generate(ctx context.Context, r Request, out Output) error
}

// Close closes a model, where it can be.
func Close(m Model) error {
	if c, ok := m.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}

// Output is where a model's work goes. No function is nil; one goroutine at a time calls them.
type Output struct {
	// Progress says what the model is at. It never blocks.
	Progress func(Progress)
	// Frame takes one frame, height·width·3 bytes of RGB, valid until it returns. Its error ends the clip.
	Frame func(rgb []byte) error
	// Cut says that the frames so far belong together and can be shown: a clip that is sent as it comes sends them now. Without
	// it a second of them leaves at a time. Its error ends the clip.
	Cut func() error
	// Sound takes sound that goes on where the last ended; it and the first frame begin together. A clip with frames ends with
	// them, sound without frames is a WAV file. A clip that is sent as it comes has sound in its pieces where all of it is there
	// before the first frame; what comes later is in the file alone. Its error ends the clip.
	Sound func(s media.Sound) error
	// Piece takes something finished that is no part of the clip, such as a depth map or a transcript. Its error ends the clip.
	Piece func(p Piece) error
	// Latents takes the finished latents, for their digest.
	Latents func(values []float32)
}

// Silent is an output that nobody sees: of a rehearsal.
func Silent() Output {
	return Output{
		Progress: func(Progress) {}, Frame: func([]byte) error { return nil }, Latents: func([]float32) {},
		Sound: func(media.Sound) error { return nil }, Piece: func(Piece) error { return nil }, Cut: func() error { return nil },
	}
}

// Piece is a finished file beside the clip.
type Piece struct {
	Name     string // a to z, 0 to 9, _ and -, 32 at most; "clip" and "sound" are the handler's
	Type     string // media type
	Filename string // that a browser saves it under; "" is the name
	Data     []byte
}

// Progress is one report of a model at work.
type Progress struct {
	Phase       string // "encode", "denoise", "decode", or the model's own word
	Step, Steps int    // Step counts from 1; Steps 0: unknown
	Preview     image.Image
	Message     string
}

// Request is a checked request with every default filled in. What a model's schema does not have is zero.
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
	Image          image.Image `json:"-"` // the first frame, opened for Width × Height
	LastImage      image.Image `json:"-"`
	Video          *media.Clip `json:"-"` // its file is there until Generate returns
	Preview        bool        `json:"-"`
	Output         string      `json:"-"` // "json", "mp4", "stream" or WAV
	// Held is what the request itself takes of the instance's memory while a clip is made of it, in bytes; none of it is a GPU's.
	Held int64 `json:"-"`
	// Pictures and Clips are all of the request's files of these kinds, by field, with those that a model's own schema has.
	Pictures map[string]image.Image `json:"-"`
	Clips    map[string]*media.Clip `json:"-"`
	// Values is the whole request, with what a model has added to its schema; of files it has those alone that are neither.
	Values schema.Object `json:"-"`

	release func() // removes the files that were made for it
}

// WAV is the output that asks a model with pictures and sound for its sound alone. Frames that it gives all the same are dropped.
const WAV = "wav"

// Description is what a model is and takes.
type Description struct {
	Name    string `json:"name"`
	Family  string `json:"family"`
	Digest  string `json:"digest,omitempty"`  // of the bundle
	Device  string `json:"device,omitempty"`  // what it runs on, and why: "cuda:0 (asked for)"
	License string `json:"license,omitempty"` // of the weights
	Engine  string `json:"engine,omitempty"`  // that makes clips now: "ONNX Runtime 1.31.1 (TensorRT is being prepared)"
	// Precision is what most weights are held as, and why where that was left to the GPU: "nvfp4 (auto: the GPU has compute
	// capability 12.1)".
	Precision string `json:"precision,omitempty"`
	// Activations is what a diffusion transformer computes in on a GPU, and why: "fp16 (auto: this family is published to run in FP16)".
	Activations string `json:"activations,omitempty"`
	// Attention is what it attends with on a GPU, and why: "int8 (asked for)".
	Attention string `json:"attention,omitempty"`
	// Streams says that chunks leave long before the last is made, so that who waits for a clip had better watch it.
	Streams  bool    `json:"streams,omitempty"`
	Defaults Request `json:"defaults"`
	Limits   Limits  `json:"limits"`
	// Schema is the JSON Schema that requests are held to, of the bundle; nil: what Schema makes of defaults and limits.
	Schema json.RawMessage `json:"schema,omitempty"`
	// Sealed says that Schema has been looked at before, when its bundle was built: it is compiled when a first request comes.
	Sealed bool `json:"-"`
	// Properties are a model's own fields of a request, as JSON Schema by name. Such a field replaces one of the usual ones, and
	// null takes one away. Required ones are in Required.
	Properties map[string]json.RawMessage `json:"-"`
	Required   []string                   `json:"-"`
	// Needs are, by name, the fields without which a field says nothing: a request that has it alone is refused.
	Needs map[string][]string `json:"-"`
	// Absent are, by name, fields that other models have: why this one does not, and what does instead.
	Absent map[string]string `json:"-"`
	// Embed gives a text as the model's text encoder sees it: a vector of length 1, nearer to that of another text the more the
	// two are alike to the encoder; of one length always. nil: the model gives none. One goroutine at a time calls it.
	Embed func(ctx context.Context, prompt string) ([]float32, error) `json:"-"`
	// Rehearse gives r, or what is nearest to it, and requests beside it that between them run every graph which a request without a file
	// that r has not can run: what plans are compared and timed with. nil: r alone does. The first is the clip of r.
	Rehearse func(r Request) ([]Request, error) `json:"-"`
	// Fits says whether the instance's memory has room for the clip of a request beside what the request holds. nil: it always has.
	Fits func(r Request) bool `json:"-"`
	// Sound says that clips have sound, which may be asked for alone.
	Sound bool `json:"sound,omitempty"`
}

// Limits are the values that a model takes. Maxima are inclusive. A field whose maximum is 0 is not one of its requests.
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
	MaxSeconds     float64 `json:"max_seconds,omitempty"` // that a clip lasts at its rate; 0: frames alone are bounded
	MaxPromptBytes int     `json:"max_prompt_bytes"`
	MaxTokens      int     `json:"max_tokens,omitempty"` // of a prompt, 0: not counted
	Image          string  `json:"image"`                // "none", "optional", "required"; "" is "none"
	LastImage      string  `json:"last_image,omitempty"` // as Image: the frame that a clip ends with
	Video          string  `json:"video,omitempty"`      // as Image: a clip to start from
	// Tokens counts a prompt's tokens, for MaxTokens.
	Tokens func(prompt string) (int, error) `json:"-"`
}
