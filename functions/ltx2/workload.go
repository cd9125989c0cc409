package ltx2

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/media"
)

// Workload is a clip of a checkpoint's default size: what benchmarks run without the checkpoint. For the released models that is
// 768×512, 121 frames at 24 a second, 1024 tokens of text, the distilled steps.
type Workload struct {
	c             configs
	whole         bool // all components are known, not the transformer alone
	Width, Height int  // pixels
	Frames        int
	FPS           float64
	Text          int // tokens that the transformer reads
}

// Tiny is the workload that a CPU makes in a moment, of every component.
const Tiny = "tiny"

// Published is the workload of a release, "2.0" or "2.3", with so many blocks (they have 48), or Tiny. Of 2.3 there is the
// transformer alone.
func Published(release string, layers int64) (w Workload, err error) {
	w = Workload{whole: true, Width: 768, Height: 512, Frames: 121, FPS: 24, Text: 1024}
	var all map[string]any
	switch release {
	case "2.0":
		all = released(layers, 48)
	case "2.3":
		all, w.whole = released(layers, 48), false
		t := all["transformer"].(map[string]any)
		delete(t, "caption_channels")
		for _, flag := range []string{"gated_attn", "audio_gated_attn", "cross_attn_mod", "audio_cross_attn_mod", "perturbed_attn"} {
			t[flag] = true
		}
	case Tiny:
		all, w.Width, w.Height, w.Frames, w.FPS, w.Text = tinyForm(), 96, 64, 9, 8, 16
	default:
		return w, fmt.Errorf("release %q is none of 2.0, 2.3, %s: %w", release, Tiny, errdefs.ErrInvalidArgument)
	}
	w.c, err = workConfigs(all, w.whole)
	return w, err
}

// workConfigs reads configurations, whose latents are as they come. Those of the transformer alone need not fit the others.
func workConfigs(all map[string]any, whole bool) (c configs, err error) {
	by := map[string]json.RawMessage{}
	for name, config := range all {
		if by[name], err = json.Marshal(config); err != nil {
			return c, err
		}
	}
	if c, err = parseConfigs(by); err != nil && !whole {
		if err = json.Unmarshal(by["transformer"], &c.Transformer); err != nil {
			return c, err
		}
		c.Transformer = c.Transformer.WithDefaults()
		c.Transformer.WholeText = true
		return c, c.Transformer.Validate()
	}
	c.VAE.statistics, c.Audio.statistics = unmoved(c.VAE.Latent), unmoved(c.Audio.width())
	return c, err
}

// unmoved are statistics that change nothing.
func unmoved(n int64) statistics {
	s := statistics{Mean: make([]float32, n), Std: make([]float32, n), Scale: 1}
	for i := range s.Std {
		s.Std[i] = 1
	}
	return s
}

// Graphs are those that a clip from text with sound needs, in its order.
func (w Workload) Graphs() (all []bundle.Graph) {
	if !w.whole {
		return []bundle.Graph{w.c.transformer()}
	}
	for _, g := range w.c.graphs() {
		if g.Name != graphEncode && g.Name != graphUpsampler {
			all = append(all, g)
		}
	}
	return all
}

// Stage is a part of making a clip, which needs the graph of the name Graph.
type Stage struct {
	Name, Graph string
	Run         func(ctx context.Context) error
}

// Clip is a clip in the making. Its parts are there once the stages have run; a stage whose forerunner did not run takes noise.
type Clip struct {
	// Step is told of every step of denoising, Sound and Frame get what is made; nil: nobody is.
	Step  func()
	Sound func(media.Sound) error
	Frame func(rgb []byte) error
	// Tokens is how many tokens the prompt has, at most Text.
	Tokens int

	w       Workload
	p       *Pipeline
	gauss   func(n int) []float32
	states  engine.Value // of the text encoder
	texts   *texts
	latents *latents
	mel     *engine.Tensor
}

// Runner runs a graph by its name.
type Runner interface {
	Run(ctx context.Context, graph string, in engine.Values, resident ...string) (engine.Values, error)
}

// Placer is a Runner whose graphs' device takes what every step reads.
type Placer interface {
	Place(ctx context.Context, t engine.Tensor) (engine.Value, error)
}

// Clip begins one whose graphs are r's, which may be a Placer, and whose noise gauss draws. The caller closes it.
func (w Workload) Clip(r Runner, gauss func(n int) []float32) *Clip {
	c := &Clip{Tokens: w.Text, w: w, gauss: gauss, p: &Pipeline{c: w.c, graphs: r}}
	if on, ok := r.(Placer); ok {
		c.p.place = on.Place
	}
	return c
}

// Close frees what the stages have left on the device.
func (c *Clip) Close() {
	if c.states != nil {
		_ = c.states.Close() // freeing memory: what could be done about an error
	}
	if c.texts != nil {
		c.texts.close()
	}
}

// Stages are the parts in their order.
func (c *Clip) Stages() []Stage {
	denoise := Stage{"denoise", graphTransformer, c.denoise}
	if !c.w.whole {
		return []Stage{denoise}
	}
	return []Stage{
		{"text", graphText, c.read}, {"connectors", graphConnectors, c.connect}, denoise,
		{"audio_vae", graphAudioDecoder, c.spectrogram}, {"vocoder", graphVocoder, c.wave}, {"video_vae", graphDecode, c.frames},
	}
}

// Latents are what the steps have made, nil before: of the video, then of the sound.
func (c *Clip) Latents() []float32 {
	if c.latents == nil {
		return nil
	}
	return append(c.latents.video[:len(c.latents.video):len(c.latents.video)], c.latents.audio...)
}

func (c *Clip) prompts() prompts {
	return prompts{c: c.w.c, graphs: c.p.graphs, length: c.w.Text}
}

// read takes the prompt through the text encoder.
func (c *Clip) read(ctx context.Context) (err error) {
	ids := make([]int64, c.Tokens)
	for i := range ids {
		ids[i] = int64(2+i*7919) % c.w.c.Text.VocabSize
	}
	c.Close()
	c.states, err = c.prompts().states(ctx, ids)
	return err
}

func (c *Clip) connect(ctx context.Context) error {
	if c.states == nil {
		t := c.w.c.Text
		c.states = c.noise(1, int64(c.Tokens), t.Hidden, t.Layers+1)
	}
	t, err := c.prompts().meant(ctx, c.states, c.Tokens)
	if err == nil {
		c.texts = &t
	}
	return err
}

func (c *Clip) noise(shape ...int64) engine.Tensor {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return engine.Floats(c.gauss(int(n)), shape...)
}

// order is the clip as a request of the distilled model has it.
func (c *Clip) order() order {
	w := c.w
	one := schedule.Guidance{Scale: 1, Modality: 1}
	return order{
		r:        handler.Request{Width: w.Width, Height: w.Height, NumFrames: w.Frames, FPS: w.FPS},
		guidance: guidance{video: one, audio: one, cross: w.c.Transformer.CrossAttnMod}, sound: true, moments: max(w.c.Transformer.moments(w.Frames, w.FPS), 1),
	}
}

// size is the grid of the video's latents.
func (c *Clip) size() size {
	if !c.w.whole {
		return size{16, 16, 24}
	}
	return c.order().size(c.w.c.VAE.VideoVAEConfig, 0)
}

func (c *Clip) denoise(ctx context.Context) error {
	t, o, s := c.w.c.Transformer, c.order(), c.size()
	if c.texts == nil {
		video, audio := t.TextDim, t.AudioTextDim
		if t.projectsCaptions() {
			video, audio = *t.CaptionChannels, *t.CaptionChannels
		}
		c.texts = &texts{video: c.noise(1, int64(c.w.Text), video), audio: c.noise(1, int64(c.w.Text), audio)}
	}
	d, err := c.p.stage(ctx, o, s, [2]texts{*c.texts})
	if err != nil {
		return err
	}
	defer d.close()
	now := latents{c.gauss(int(s.points() * t.InChannels)), c.gauss(int(o.moments * t.AudioInChannels))}
	flow := schedule.Defaults()
	flow.Class = "FlowMatchEulerDiscreteScheduler"
	err = d.denoise(ctx, flow, schedule.Options{Sigmas: distilled}, now, func(step) error {
		if c.Step != nil {
			c.Step()
		}
		return nil
	})
	if err == nil {
		c.latents = &now
	}
	return err
}

// made are the latents, noise where there are none.
func (c *Clip) made() latents {
	t := c.w.c.Transformer
	if c.latents == nil {
		return latents{c.gauss(int(c.size().points() * t.InChannels)), c.gauss(int(c.order().moments * t.AudioInChannels))}
	}
	return *c.latents
}

func (c *Clip) spectrogram(ctx context.Context) error {
	mel, err := c.p.mel(ctx, unpackedSound(c.w.c.Audio.denormalised(c.made().audio), c.order().moments, c.w.c.Audio.Latent))
	if err == nil {
		c.mel = &mel
	}
	return err
}

func (c *Clip) wave(ctx context.Context) error {
	if c.mel == nil {
		a := c.w.c.Audio
		mel := c.noise(1, a.Out, a.Factor()*c.order().moments-a.Factor()+1, a.Mels)
		c.mel = &mel
	}
	wave, err := c.p.wave(ctx, *c.mel)
	if err != nil || c.Sound == nil {
		return err
	}
	channels := int(wave.Shape[1])
	return c.Sound(media.Sound{Rate: int(c.w.c.Vocoder.Rate()), Channels: channels, Samples: turned(wave.Float32(), channels)})
}

func (c *Clip) frames(ctx context.Context) error {
	s := c.size()
	out := handler.Output{Progress: func(handler.Progress) {}, Frame: func(rgb []byte) error {
		if c.Frame == nil {
			return nil
		}
		return c.Frame(rgb)
	}}
	return c.p.frames(ctx, c.order().r, unpacked(c.w.c.VAE.denormalised(c.made().video), s.frames, s.height, s.width), out)
}
