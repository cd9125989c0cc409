package magi1

import (
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/text"
)

// Defaults are what a request leaves out and what a checkpoint's own files do not say: the "defaults" of model_index.json.
type Defaults struct {
	Special  []string `json:"special_tokens"`  // that stand before a caption
	Negative bool     `json:"negative_tokens"` // the caption without text names what is not wanted
	Prefix   int      `json:"prefix_frames"`   // of a clip to go on from, that are taken from its end
}

func parseDefaults(raw json.RawMessage, c RuntimeConfig) (Defaults, error) {
	d := Defaults{Special: []string{"hq", "duration"}, Prefix: max(32, c.TimeFactor)}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); len(raw) > 0 && err != nil {
		return d, invalid("defaults of model_index.json are %.40s; an object would do, such as {\"prefix_frames\": 32}", raw)
	}
	least, most := c.TimeFactor, maxSeconds*c.FPS
	for _, f := range []struct {
		name string
		to   any
		say  string
	}{
		{"special_tokens", &d.Special, `a list of names, such as ["hq", "duration"]`},
		{"negative_tokens", &d.Negative, "true or false"},
		{"prefix_frames", &d.Prefix, fmt.Sprintf("how many frames of a video's end a clip goes on from, from %d, one latent frame, to %d, %d seconds: 32 would do", least, most, maxSeconds)},
	} {
		text, ok := given[f.name]
		if ok && (string(text) == "null" || json.Unmarshal(text, f.to) != nil) || f.to == &d.Prefix && (d.Prefix < least || d.Prefix > most) {
			return d, invalid("%s in the defaults of model_index.json is %.40s; it is %s", f.name, text, f.say)
		}
	}
	return d, checkSpecial(d.Special)
}

// The largest clip that a request may ask for.
const (
	maxSide    = 2048
	maxSeconds = 600
	maxSteps   = 256
)

// side is what width and height are multiples of.
func (c configs) side() int { return int(c.VAE.Coder.PatchSize * c.Model.PatchSize) }

// chunkFrames are the frames of a chunk.
func (c configs) chunkFrames() int { return c.Runtime.ChunkWidth * c.Runtime.TimeFactor }

// stepUnit is what a number of steps is a multiple of.
func (c configs) stepUnit() int { return lcm(c.Runtime.WindowSize, max(len(c.Runtime.KVRange), 1)) }

// Check says in one sentence what of a request the model cannot do, and which values would do.
func (p *Pipeline) Check(r handler.Request) error {
	side := p.c.side()
	for _, s := range []struct {
		name   string
		pixels int
	}{{"width", r.Width}, {"height", r.Height}} {
		if err := checkSide(s.name, s.pixels, side); err != nil {
			return err
		}
	}
	if n := p.c.chunkFrames(); r.NumFrames < n || r.NumFrames%n != 0 {
		low := max(r.NumFrames/n, 1) * n
		return invalid("num_frames is %d; this model makes whole chunks of %d frames: %d or %d would do", r.NumFrames, n, low, low+n)
	}
	if text.CleanCaption(r.Prompt) == "" {
		return invalid("prompt has nothing that this model reads: Chinese characters, addresses, file names and most punctuation are taken out of it; say it in English")
	}
	if r.Image != nil && r.Video != nil {
		return invalid("the request has an image and a video; a clip starts from one of them: leave the other out")
	}
	return p.c.Runtime.checkSteps(r.Steps)
}

func checkSide(name string, pixels, unit int) error {
	least := 2 * unit // positions are stretched between the first patch and the last
	if pixels >= least && pixels <= maxSide && pixels%unit == 0 {
		return nil
	}
	if pixels > maxSide {
		return invalid("%s is %d; at most %d is possible", name, pixels, maxSide)
	}
	low := max(pixels/unit*unit, least)
	return invalid("%s is %d; it must be a multiple of %d, from %d on: %d or %d would do", name, pixels, unit, least, low, low+unit)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, errdefs.ErrInvalidArgument)...)
}

// properties are the fields of a request that differ from the usual ones.
func (c configs) properties() map[string]json.RawMessage {
	r, unit, n := c.Runtime, c.side(), c.chunkFrames()
	number := func(least, most, step, normal int, says string) json.RawMessage {
		raw, _ := json.Marshal(map[string]any{"type": "integer", "minimum": least, "maximum": most / step * step, "multipleOf": step, "default": normal, "description": says}) // numbers and text
		return raw
	}
	all := map[string]json.RawMessage{
		"negative_prompt":     json.RawMessage("null"),
		"width":               number(2*unit, maxSide, unit, r.Width, "Pixels of the width"),
		"height":              number(2*unit, maxSide, unit, r.Height, "Pixels of the height"),
		"num_frames":          number(n, maxSeconds*r.FPS, n, (r.NumFrames+n-1)/n*n, "Frames of the clip, or of what is added to a video; whole chunks"),
		"num_inference_steps": number(c.stepUnit(), maxSteps, c.stepUnit(), r.NumSteps, "Steps of denoising of each chunk"),
		"video_resample":      json.RawMessage(`{"type":"boolean","default":false,"description":"Whether a video of variable frame rate is taken: the nearest frame for each moment"}`),
	}
	return all
}
