package wan

import (
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
)

// Defaults are what a request leaves out: from the checkpoint's model_index.json where it says, else the published ones.
type Defaults struct {
	Height      int     `json:"height"`
	Width       int     `json:"width"`
	Frames      int     `json:"num_frames"`
	FPS         int     `json:"fps"`
	Steps       int     `json:"num_inference_steps"`
	Guidance    float64 `json:"guidance_scale"`
	MaxSequence int     `json:"max_sequence_length"`
	// SecondGuidance is that of the expert of low noise; where the checkpoint does not say, that of the other.
	SecondGuidance float64 `json:"guidance_scale_2"`
}

// published are the defaults of the models' own code.
func published(c configs) Defaults {
	d := Defaults{Height: 480, Width: 832, Frames: 81, FPS: 16, Steps: 50, Guidance: 5, MaxSequence: 512}
	switch {
	case c.Second != nil && c.imageToVideo():
		d.Steps, d.Guidance, d.SecondGuidance = 40, 3.5, 3.5
	case c.Second != nil:
		d.Steps, d.Guidance, d.SecondGuidance = 40, 4, 3
	case c.Pipeline.Expand:
		d.Height, d.Width, d.Frames, d.FPS = 704, 1280, 121, 24
	}
	return d
}

func parseDefaults(c configs, raw json.RawMessage) (Defaults, error) {
	d := published(c)
	if distilled := c.Pipeline.Distilled; distilled != nil {
		d.Steps, d.Guidance, d.SecondGuidance = distilled.Steps(), 1, 1
	}
	if len(raw) == 0 {
		return d, nil
	}
	d.SecondGuidance = 0
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("defaults of the bundle: %w: %w", bundle.Plain(err), errdefs.ErrInvalidArgument)
	}
	if d.SecondGuidance == 0 {
		d.SecondGuidance = d.Guidance
	}
	return d, nil
}

// Check says in one sentence what of a request the model cannot do, and which values would do.
func (p *Pipeline) Check(r handler.Request) error {
	if err := p.checkSize(r.Width, r.Height, r.NumFrames, maxFrames); err != nil {
		return err
	}
	time := int(p.c.VAE.TemporalScale())
	switch {
	case (p.window(r)-1)/time+1 > p.maxPatches() || (p.window(r)-1)%time != 0:
		return invalid("window is %d; a multiple of %d plus one is possible, at most %d", p.window(r), time, (p.maxPatches()-1)*time+1)
	case r.Video != nil && r.NumFrames > p.window(r):
		return invalid("num_frames is %d; a clip that starts from a video has at most window frames, which is %d", r.NumFrames, p.window(r))
	case r.Steps < 1:
		return invalid("num_inference_steps is %d; at least 1 is needed", r.Steps)
	case asks(r, lorasField) && !p.derived:
		return invalid("loras are merged by the server, and this function was called past it: build a bundle with models build --lora, or call the function through the server")
	case r.Image != nil && !p.c.imageToVideo() && !p.c.Pipeline.Expand:
		return invalid("this model takes no image; leave image out, or call an image-to-video model")
	case r.Image == nil && p.c.imageToVideo():
		return invalid("this model needs an image to start from")
	case r.LastImage == nil && p.c.Transformer.PosEmbedSeqLen > 0:
		return invalid("this model makes clips between two images: it needs last_image")
	case r.LastImage != nil && (!p.c.imageToVideo() || p.lastImage() == "none"):
		return invalid("this model takes no last_image; leave it out, or call a model that makes clips between two images")
	case r.LastImage != nil && r.NumFrames == 1:
		return invalid("num_frames is 1; a clip that ends with last_image has at least %d: leave last_image out, or ask for more frames", time+1)
	}
	return nil
}

// asks says whether a field that is a list has something in it.
func asks(r handler.Request, field string) bool {
	list, _ := r.Values[field].([]any)
	return len(list) > 0
}

// checkPlan says in one sentence what of the largest clip that plans are to hold the model cannot make in one pass.
func (p *Pipeline) checkPlan(c bundle.ClipSize) error {
	if side := max(c.Width, c.Height); side > maxSide {
		return invalid("a side is %d; at most %d is possible", side, maxSide)
	}
	return p.checkSize(c.Width, c.Height, c.Frames, min(maxFrames, (p.maxPatches()-1)*int(p.c.VAE.TemporalScale())+1))
}

func (p *Pipeline) checkSize(width, height, frames, most int) error {
	scale, time := int(p.c.VAE.SpatialScale()), int(p.c.VAE.TemporalScale())
	if err := p.checkSide("width", width, scale*int(p.c.Transformer.PatchSize[2])); err != nil {
		return err
	}
	if err := p.checkSide("height", height, scale*int(p.c.Transformer.PatchSize[1])); err != nil {
		return err
	}
	switch {
	case frames < 1 || (frames-1)%time != 0:
		low := max(0, (frames-1)/time) * time
		if low+time+1 > most {
			return invalid("num_frames is %d; this model makes a multiple of %d plus one, at most %d: %[3]d would do", frames, time, (most-1)/time*time+1)
		}
		return invalid("num_frames is %d; this model makes a multiple of %d plus one: %d or %d would do", frames, time, low+1, low+time+1)
	case frames > most:
		return invalid("num_frames is %d; at most %d are possible", frames, most)
	}
	return nil
}

func (p *Pipeline) checkSide(name string, pixels, fit int) error {
	if most := p.maxPatches() * fit; pixels > most {
		return invalid("%s is %d; at most %d is possible", name, pixels, most)
	}
	if pixels > 0 && pixels%fit == 0 {
		return nil
	}
	low := max(pixels/fit, 0) * fit
	if low == 0 {
		return invalid("%s is %d; it must be a positive multiple of %d: %d would do", name, pixels, fit, fit)
	}
	return invalid("%s is %d; it must be a multiple of %d: %d or %d would do", name, pixels, fit, low, low+fit)
}

// maxPatches is how many positions the rotary tables of the checkpoint have along each axis.
func (p *Pipeline) maxPatches() int {
	if n := p.c.Transformer.RopeMaxSeqLen; n > 0 {
		return int(n)
	}
	return 1024
}

func (p *Pipeline) latentFrames(r handler.Request) int {
	return (r.NumFrames-1)/int(p.c.VAE.TemporalScale()) + 1
}

func invalid(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, errdefs.ErrInvalidArgument)...)
}
