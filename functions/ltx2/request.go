package ltx2

import (
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
)

// Defaults are what a request leaves out, and what it cannot say: from the checkpoint's model_index.json where it says, else the
// published ones.
type Defaults struct {
	Height        int      `json:"height"`
	Width         int      `json:"width"`
	Frames        int      `json:"num_frames"`
	FPS           float64  `json:"frame_rate"`
	Steps         int      `json:"num_inference_steps"`
	Guidance      float64  `json:"guidance_scale"`
	AudioGuidance float64  `json:"audio_guidance_scale"`
	STG           float64  `json:"stg_scale"`
	Modality      float64  `json:"modality_scale"`
	Rescale       float64  `json:"guidance_rescale"`
	AudioSTG      *float64 `json:"audio_stg_scale"` // where they are left out, the sound has the video's
	AudioModality *float64 `json:"audio_modality_scale"`
	AudioRescale  *float64 `json:"audio_guidance_rescale"`
	MaxSequence   int      `json:"max_sequence_length"`

	Blocks         []int64   `json:"spatio_temporal_guidance_blocks"` // that STG perturbs
	CrossTimestep  *bool     `json:"use_cross_timestep"`
	Sigmas         []float64 `json:"sigmas"`         // of a distilled checkpoint: the noise levels of its steps, as they are
	StageTwoSigmas []float64 `json:"stage_2_sigmas"` // of the second of two stages
	ImageCRF       int       `json:"image_crf"`      // H.264's quality that a request's pictures get; 0: they are taken as they are
	AdaIN          float64   `json:"adain_factor"`   // between the stages
	ToneMap        float64   `json:"tone_map_compression_ratio"`
}

// distilled and secondStage are the published noise levels.
var (
	distilled   = []float64{1, 0.99375, 0.9875, 0.98125, 0.975, 0.909375, 0.725, 0.421875}
	secondStage = []float64{0.909375, 0.725, 0.421875}
)

// parseDefaults fills in what the checkpoint does not say. A scheduler that shifts nothing by the clip's size is a distilled
// checkpoint's.
func parseDefaults(raw json.RawMessage, c configs) (Defaults, error) {
	d := Defaults{Height: 512, Width: 768, Frames: 121, FPS: 24, Steps: 30, Guidance: 3, AudioGuidance: 7, STG: 1, Modality: 3, Rescale: 0.7, MaxSequence: 1024, StageTwoSigmas: secondStage, ImageCRF: 33}
	if !c.Scheduler.DynamicShifting && c.Scheduler.ShiftTerminal == nil {
		d.Sigmas, d.Guidance, d.AudioGuidance, d.STG, d.Modality, d.Rescale = distilled, 1, 1, 0, 1, 0
	}
	if !c.Transformer.PerturbedAttn {
		d.STG = 0
	}
	if c.Transformer.PerturbedAttn {
		d.Blocks = []int64{min(28, c.Transformer.NumLayers-1)}
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &d); err != nil {
			return d, fmt.Errorf("defaults of the bundle: %w: %w", bundle.Plain(err), errdefs.ErrInvalidArgument)
		}
	}
	if !(d.AudioGuidance >= 0 && d.AudioGuidance <= 30) || !(d.ToneMap >= 0 && d.ToneMap <= 1) {
		return d, fmt.Errorf("defaults of the bundle: audio_guidance_scale is %g, tone_map_compression_ratio %g; 0 to 30 and 0 to 1 would do: %w", d.AudioGuidance, d.ToneMap, errdefs.ErrInvalidArgument)
	}
	if d.ImageCRF < 0 || d.ImageCRF > 51 {
		return d, fmt.Errorf("defaults of the bundle: image_crf is %d, 0 to 51 would do: %w", d.ImageCRF, errdefs.ErrInvalidArgument)
	}
	if d.Sigmas != nil && !levels(d.Sigmas) || !levels(d.StageTwoSigmas) || !(d.FPS > 0) || d.MaxSequence < 1 {
		return d, fmt.Errorf("defaults of the bundle: sigmas and stage_2_sigmas must fall from 1, frame_rate and max_sequence_length be positive: %w", errdefs.ErrInvalidArgument)
	}
	if d.Sigmas != nil {
		d.Steps = len(d.Sigmas)
	}
	if d.CrossTimestep == nil {
		cross := c.Transformer.CrossAttnMod // 2.3 and later were trained so
		d.CrossTimestep = &cross
	}
	if n := c.Connectors.Registers(); n > 0 && int64(d.MaxSequence)%n != 0 {
		return d, fmt.Errorf("defaults of the bundle: max_sequence_length is %d, a multiple of the connectors' %d registers would do: %w", d.MaxSequence, n, errdefs.ErrInvalidArgument)
	}
	return d, nil
}

// noiseScale is how much of a stage's beginning is noise.
func (d Defaults) noiseScale(stage int) float32 {
	if stage == 0 {
		return 1
	}
	return float32(d.StageTwoSigmas[0])
}

// order is a checked request in the model's own terms.
type order struct {
	r                           handler.Request
	guidance                    guidance
	sound, soundAlone, twoStage bool
	moments                     int64 // of sound
}

// order checks a request. It says in one sentence what the model cannot do, and which values would do.
func (p *Pipeline) order(r handler.Request) (o order, err error) {
	o.r = r
	o.sound, o.soundAlone = p.flag(r, "audio", p.c.hasSound), r.Output == handler.WAV
	o.twoStage = p.flag(r, "two_stage", false)
	d := p.defaults
	g := schedule.Guidance{Scale: r.Guidance, STG: p.number(r, "stg_scale", d.STG), Modality: p.number(r, "modality_scale", d.Modality), Rescale: d.Rescale}
	o.guidance = guidance{video: g, audio: g, blocks: d.Blocks, cross: *d.CrossTimestep}
	o.guidance.audio = p.audioGuidance(r, g)
	o.moments = max(p.c.Transformer.moments(r.NumFrames, r.FPS), 1)
	return o, p.check(o)
}

// audioGuidance is what steers the sound: what the request says, else the checkpoint's own, unless the video's is switched off. A
// scale of 0 is the video's.
func (p *Pipeline) audioGuidance(r handler.Request, video schedule.Guidance) schedule.Guidance {
	g, d := video, p.defaults
	if r.Guidance > 1 {
		g.Scale = d.AudioGuidance
	}
	if g.Scale = p.number(r, "audio_guidance_scale", g.Scale); g.Scale == 0 { // as in the reference
		g.Scale = r.Guidance
	}
	for _, own := range []struct {
		to     *float64
		video  float64 // the video's default, which schemas fill in
		normal *float64
	}{{&g.STG, d.STG, d.AudioSTG}, {&g.Modality, d.Modality, d.AudioModality}, {&g.Rescale, d.Rescale, d.AudioRescale}} {
		if own.normal != nil && *own.to == own.video {
			*own.to = *own.normal
		}
	}
	return g
}

func (p *Pipeline) flag(r handler.Request, name string, otherwise bool) bool {
	if v, ok := r.Values[name].(bool); ok {
		return v
	}
	return otherwise
}

func (p *Pipeline) number(r handler.Request, name string, otherwise float64) float64 {
	switch v := r.Values[name].(type) {
	case json.Number:
		f, _ := v.Float64() // checked against the schema
		return f
	case float64:
		return v
	}
	return otherwise
}

func (p *Pipeline) check(o order) error {
	for _, check := range []func(order) error{p.checkSides, p.checkFrames, p.checkLength, p.checkSound, p.checkSampling, p.checkPictures} {
		if err := check(o); err != nil {
			return err
		}
	}
	return nil
}

// maxSide, maxFrames and maxSteps bound a clip, whatever the checkpoint allows.
const (
	maxSide   = 4096
	maxFrames = 1441
	maxFPS    = 120
	maxSteps  = 1000
)

func (p *Pipeline) checkSides(o order) error {
	fit, why := int(p.c.VAE.SpatialScale()), "it must be"
	if o.twoStage {
		fit, why = 2*fit, "two stages halve it first, so it must be"
	}
	for _, side := range []struct {
		name   string
		pixels int
	}{{"width", o.r.Width}, {"height", o.r.Height}} {
		switch low := side.pixels / fit * fit; {
		case side.pixels > maxSide:
			return invalid("%s is %d; at most %d is possible", side.name, side.pixels, maxSide)
		case side.pixels > 0 && low == side.pixels:
		case low <= 0:
			return invalid("%s is %d; %s a positive multiple of %d: %d would do", side.name, side.pixels, why, fit, fit)
		default:
			return invalid("%s is %d; %s a multiple of %d: %d or %d would do", side.name, side.pixels, why, fit, low, low+fit)
		}
	}
	return nil
}

func (p *Pipeline) checkSound(o order) error {
	switch {
	case o.sound && !p.c.hasSound:
		return invalid("audio is true, and this checkpoint makes no sound (it has no audio_vae and vocoder): leave audio out, or set it to false")
	case o.soundAlone && !p.c.hasSound:
		return invalid("output is %s, and this checkpoint makes no sound: json or mp4 would do", handler.WAV)
	case o.soundAlone && !o.sound:
		return invalid("output is %s and audio is false: leave one of them out", handler.WAV)
	}
	return nil
}

func (p *Pipeline) checkSampling(o order) error {
	switch {
	case o.r.Steps < 1:
		return invalid("num_inference_steps is %d; at least 1 is needed", o.r.Steps)
	case p.defaults.Sigmas != nil && o.r.Steps != len(p.defaults.Sigmas):
		return invalid("num_inference_steps is %d; this model is distilled to %d steps: leave it out", o.r.Steps, len(p.defaults.Sigmas))
	case o.twoStage && p.c.Upsampler == nil:
		return invalid("two_stage is true, and this checkpoint has no latent_upsampler: leave two_stage out")
	case o.guidance.video.STG > 0 && !p.c.Transformer.PerturbedAttn:
		return invalid("stg_scale is %g, and this checkpoint was not trained for it (perturbed_attn): leave stg_scale out, or set it to 0", o.guidance.video.STG)
	}
	return nil
}

func (p *Pipeline) checkPictures(o order) error {
	if o.r.LastImage != nil && o.r.NumFrames <= int(p.c.VAE.TemporalScale()) {
		return invalid("num_frames is %d, too few for a last image of its own: %d would do", o.r.NumFrames, p.c.VAE.TemporalScale()+1)
	}
	return nil
}

// size is the grid of the latents, or of those that are halved so often.
func (o order) size(c VideoVAEConfig, halved int) size {
	scale := c.SpatialScale() << halved
	return size{frames: (int64(o.r.NumFrames)-1)/c.TemporalScale() + 1, height: int64(o.r.Height) / scale, width: int64(o.r.Width) / scale}
}

// schedule is the scheduler of a stage for so many tokens. Distilled noise levels are taken as they are.
func (o order) schedule(p *Pipeline, tokens int64, stage int) (schedule.Config, schedule.Options) {
	c, sigmas := p.c.Scheduler, p.defaults.Sigmas
	if stage > 0 {
		sigmas = p.defaults.StageTwoSigmas
	}
	if sigmas != nil {
		return plain(c), schedule.Options{Sigmas: sigmas}
	}
	return c, schedule.Options{Sigmas: evenly(o.r.Steps), Mu: c.Mu(int(tokens))}
}

// plain is a scheduler that shifts nothing by the clip's size or towards a last value.
func plain(c schedule.Config) schedule.Config {
	c.DynamicShifting, c.ShiftTerminal = false, nil
	return c
}

// evenly are n noise levels from 1 to 1/n, as numpy spaces them.
func evenly(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1 + float64(i)*((1/float64(n)-1)/float64(max(n-1, 1)))
	}
	return out
}
