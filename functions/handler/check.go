package handler

import (
	"encoding/base64"
	"encoding/json"
	"image"
	"math"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/media"
)

// check holds a request to the model's limits. A field that could not be read has its default here and is not blamed twice.
func (p *parser) check(r Request) {
	l := p.d.Limits
	if strings.TrimSpace(r.Prompt) == "" && !p.blamed("prompt") {
		p.add("prompt", r.Prompt, "prompt is empty: say what the clip shall show.")
	}
	p.length("prompt", r.Prompt)
	p.length("negative_prompt", r.NegativePrompt)
	p.side("width", r.Width, l.WidthMultiple, l.MaxWidth)
	p.side("height", r.Height, l.HeightMultiple, l.MaxHeight)
	p.frames(r.NumFrames)
	if r.Steps < 1 || r.Steps > l.MaxSteps {
		p.add("num_inference_steps", r.Steps, "num_inference_steps is %d: 1 to %d would do.", r.Steps, l.MaxSteps)
	}
	if !(r.Guidance >= 0 && r.Guidance <= l.MaxGuidance) {
		p.add("guidance_scale", r.Guidance, "guidance_scale is %g: 0 to %g would do.", r.Guidance, l.MaxGuidance)
	}
	if !(r.FPS >= 1 && r.FPS <= l.MaxFPS) {
		p.add("fps", r.FPS, "fps is %g: 1 to %g would do.", r.FPS, l.MaxFPS)
	}
	if l.Image == "required" && r.Image == nil && p.picture == "" && p.fields["image"] == nil {
		p.add("image", nil, "image is missing: this model starts from one; send a PNG or JPEG file in base64.")
	}
}

func (p *parser) length(field, text string) {
	l := p.d.Limits
	if len(text) > l.MaxPromptBytes {
		p.add(field, nil, "%s has %d bytes: %d at most.", field, len(text), l.MaxPromptBytes)
		return
	}
	if l.MaxTokens == 0 || l.Tokens == nil {
		return
	}
	switch n, err := l.Tokens(text); {
	case errdefs.IsInvalidArgument(err):
		p.add(field, nil, "%s: %s.", field, withoutClass(err))
	case n > l.MaxTokens:
		p.add(field, nil, "%s has %d tokens: %d at most, about %d words.", field, n, l.MaxTokens, l.MaxTokens*3/4)
	}
}

func (p *parser) side(field string, v, multiple, most int) {
	most = most / multiple * multiple
	low := min(max(v/multiple*multiple, multiple), most)
	switch high := low + multiple; {
	case v > 0 && v%multiple == 0 && v <= most:
	case high > most || v < multiple:
		p.add(field, v, "%s is %d: it must be a multiple of %d from %d to %d; %d would do.", field, v, multiple, multiple, most, low)
	default:
		p.add(field, v, "%s is %d: it must be a multiple of %d; %d or %d would do.", field, v, multiple, low, high)
	}
}

func (p *parser) frames(v int) {
	step, most := p.d.Limits.FrameStep, p.d.Limits.MaxFrames
	most = (most-1)/step*step + 1
	low := min(max((v-1)/step*step+1, 1), most)
	switch high := low + step; {
	case v >= 1 && (v-1)%step == 0 && v <= most:
	case high > most || v < 1:
		p.add("num_frames", v, "num_frames is %d: it must be a multiple of %d plus 1, from 1 to %d; %d would do.", v, step, most, low)
	default:
		p.add("num_frames", v, "num_frames is %d: it must be a multiple of %d plus 1; %d or %d would do.", v, step, low, high)
	}
}

// image reads base64 or a data URL.
func (p *parser) image() func(json.RawMessage) {
	return func(raw json.RawMessage) {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			p.add("image", shown(raw), "image is %s: it must be a PNG or JPEG file in base64, or a data: URL.", shown(raw))
			return
		}
		if s == "" {
			return
		}
		if p.d.Limits.Image == "none" {
			p.add("image", nil, "image is given, but %s makes clips from text alone: leave it out.", p.d.Name)
			return
		}
		p.picture = s
	}
}

// openImage decodes the image for the size that the clip will have.
func (p *parser) openImage(r *Request) {
	if p.picture == "" {
		return
	}
	img, err := decodeImage(p.picture, image.Pt(r.Width, r.Height))
	if err != nil {
		p.add("image", nil, "image cannot be used: %s.", withoutClass(err))
		return
	}
	r.Image = img
}

func decodeImage(s string, need image.Point) (image.Image, error) {
	if strings.HasPrefix(s, "data:") {
		head, data, ok := strings.Cut(s, ",")
		if !ok || !strings.HasSuffix(head, ";base64") {
			return nil, wrongImage("a data: URL must read data:image/png;base64,…")
		}
		s = data
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, wrongImage("it is not in base64")
	}
	return media.Picture(raw, need)
}

type wrongImage string

func (w wrongImage) Error() string { return string(w) }

// rounded keeps seconds readable in answers.
func rounded(seconds float64) float64 { return math.Round(seconds*1e4) / 1e4 }
