package ltx2

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/text"
)

// Pipeline is an open bundle. One clip at a time keeps the cores busy; Generate may be called from several goroutines.
type Pipeline struct {
	c         configs
	defaults  Defaults
	engine    engine.Engine
	sessions  *bundle.Sessions
	graphs    graphs
	place     placing // nil on the CPU
	tokenizer *text.Tokenizer
	memory    int64 // that a stage may take, 0: no limit is known
	stages    *bundle.Stages
	stageTwo  bool // the second stage has a transformer of its own
}

// open checks a bundle and starts to open its graphs; weights are mapped, not read. A graph that cannot be opened is told by
// the clip that needs it.
func open(ctx context.Context, m *bundle.Model) (*Pipeline, error) {
	if err := m.Is(Family); err != nil {
		return nil, err
	}
	c, err := parseConfigs(m.Configs)
	if err == nil {
		err = c.checkStatistics()
	}
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", m.Dir, err)
	}
	p := &Pipeline{c: c, engine: m.Engine, memory: m.Memory}
	if p.defaults, err = parseDefaults(m.Defaults, c); err != nil {
		return nil, err
	}
	if p.tokenizer, err = text.Load(filepath.Join(m.Dir, "tokenizer")); err != nil {
		return nil, err
	}
	p.stages = m.Stages(c.graphs(), c.sizes(p.defaults))
	var names []string
	for _, g := range c.graphs() {
		names = append(names, g.Name)
	}
	if p.stageTwo = m.Has(graphStageTwo); p.stageTwo {
		names = append(names, graphStageTwo)
	}
	looked := *m
	if m.Manifest.Precision != bundle.None { // pictures of a bundle that rounds its weights need not be float32's to the last bit
		looked.Coarse = Looked()
	}
	p.sessions = looked.Open(ctx, names)
	p.graphs = p.sessions
	if d := m.Options.Device; !d.Host() {
		p.place = func(ctx context.Context, t engine.Tensor) (engine.Value, error) { return m.Engine.Place(ctx, t, d) }
	}
	return p, nil
}

// Looked are the graphs whose result is pictures: on a GPU they may multiply float32 as TF32. At 768×512×121 that is 1.7 times as fast, and
// no colour is off by more than one of 255.
func Looked() []string { return []string{graphDecode, graphEncode} }

// Close closes every session; runs under way end first.
func (p *Pipeline) Close() error { return p.sessions.Close() }

// Generate makes one clip, with sound where it is wanted. The same request gives the same latents, byte for byte, on machines
// of one kind. Memory is given back when it returns.
func (p *Pipeline) Generate(ctx context.Context, r handler.Request, out handler.Output) error {
	o, err := p.order(r)
	if err != nil {
		return err
	}
	if err := p.checkMemory(o); err != nil {
		return err
	}
	defer p.engine.Trim()
	made, err := p.denoised(ctx, o, out)
	if err != nil {
		return err
	}
	out.Latents(append(made.video.Float32()[:len(made.video.Float32()):len(made.video.Float32())], made.audio...))
	out.Progress(handler.Progress{Phase: "decode"})
	if o.sound {
		if err := p.sound(ctx, made.audio, float64(r.NumFrames)/r.FPS, out.Sound); err != nil {
			return fmt.Errorf("decode the sound: %w", err)
		}
	}
	if o.soundAlone {
		return nil
	}
	return p.frames(ctx, r, made.video, out)
}

// denoised is a request's clip before it is decoded. Nothing of its texts stays.
func (p *Pipeline) denoised(ctx context.Context, o order, out handler.Output) (finished, error) {
	out.Progress(handler.Progress{Phase: "encode"})
	texts, err := p.texts(ctx, o)
	defer func() { texts[0].close(); texts[1].close() }()
	if err != nil {
		return finished{}, err
	}
	random := &source{seed: uint64(o.r.Seed)}
	return p.make(ctx, o, texts, random.draw, p.report(ctx, o.r, o, out))
}

// embed is handler.Description's.
func (p *Pipeline) embed(ctx context.Context, prompt string) ([]float32, error) {
	defer p.engine.Trim()
	return prompts{c: p.c, graphs: p.graphs, tokenizer: p.tokenizer, length: p.defaults.MaxSequence}.embed(ctx, prompt)
}

// texts are the prompt's and, where a guidance wants it, the negative prompt's.
func (p *Pipeline) texts(ctx context.Context, o order) (t [2]texts, err error) {
	enc := prompts{c: p.c, graphs: p.graphs, tokenizer: p.tokenizer, length: p.defaults.MaxSequence}
	if t[0], err = enc.encode(ctx, o.r.Prompt); err != nil || !o.guidance.uncond() {
		return t, err
	}
	t[1], err = enc.encode(ctx, o.r.NegativePrompt)
	return t, err
}

// finished are latents as the VAEs take them: the video's [1, channels, frames, height, width], and rows of sound.
type finished struct {
	video engine.Tensor
	audio []float32
}

// make denoises a clip, in one stage, or in a small one and one that works the details out at twice its sides. Each draws the noise
// of its video, then of its sound.
func (p *Pipeline) make(ctx context.Context, o order, t [2]texts, draw func(n int) []float32, stepped func(stage, of int, s size, at step)) (f finished, err error) {
	stages := 1
	if o.twoStage {
		stages = 2
	}
	var now latents
	for stage := range stages {
		s := o.size(p.c.VAE.VideoVAEConfig, stages-1-stage)
		d, err := p.stage(ctx, o, s, t)
		if err != nil {
			return f, err
		}
		if stage > 0 && p.stageTwo { // whose LoRA is a distilled one, as it has three steps
			d.graph, d.guidance = graphStageTwo, o.guidance.none()
		}
		cfg, opt := o.schedule(p, d.video.tokens(), stage)
		given := latents{}
		if stage > 0 {
			if given, err = p.upscaled(ctx, now, o.size(p.c.VAE.VideoVAEConfig, 1)); err != nil {
				return f, err
			}
		}
		random := latents{video: draw(int(d.video.tokens() * p.c.Transformer.InChannels))}
		random.audio = draw(int(d.audio.tokens() * p.c.Transformer.AudioInChannels))
		now = d.begin(given, random, p.defaults.noiseScale(stage))
		err = d.denoise(ctx, cfg, opt, now, func(at step) error {
			stepped(stage, stages, s, at)
			return nil
		})
		d.close()
		if err != nil {
			return f, err
		}
		now.video = now.video[:s.points()*p.c.Transformer.InChannels]
	}
	s := o.size(p.c.VAE.VideoVAEConfig, 0)
	f.video = unpacked(p.c.VAE.denormalised(now.video), s.frames, s.height, s.width)
	f.audio = now.audio
	if p.c.hasSound {
		f.audio = p.c.Audio.denormalised(now.audio)
	}
	return f, nil
}

// size is the grid of a video's latents.
type size struct{ frames, height, width int64 }

func (s size) points() int64 { return s.frames * s.height * s.width }

// stage is a denoiser for a size, conditioned on the request's texts and pictures.
func (p *Pipeline) stage(ctx context.Context, o order, s size, t [2]texts) (*denoiser, error) {
	c := p.c.Transformer
	d := &denoiser{c: c, graphs: p.graphs, place: p.place, cond: t[0], uncond: t[1], guidance: o.guidance,
		video: c.videoPositions(s.frames, s.height, s.width, o.r.FPS), audio: c.audioPositions(o.moments)}
	if err := p.hold(ctx, o, s, d); err != nil {
		return nil, fmt.Errorf("encode image: %w", err)
	}
	return d, nil
}

// source draws noise: what is drawn first does not depend on what is drawn later.
type source struct {
	seed  uint64
	drawn int
}

func (s *source) draw(n int) []float32 {
	s.drawn += n
	return noise.Normal(s.seed, s.drawn)[s.drawn-n:]
}

// begin mixes noise into what is given, scale of it; nothing is given in the first stage. What is held is as it is held.
func (d *denoiser) begin(given, random latents, scale float32) latents {
	if given.video != nil {
		for i, v := range given.video {
			random.video[i] = scale*random.video[i] + (1-scale)*v
		}
		for i, v := range given.audio {
			random.audio[i] = scale*random.audio[i] + (1-scale)*v
		}
	}
	each := len(random.video) / max(len(d.held), 1)
	for token, held := range d.held {
		for i := token * each; held > 0 && i < (token+1)*each; i++ {
			random.video[i] = (1-held)*random.video[i] + held*d.clean[i]
		}
	}
	return random
}

// upscaled are latents at twice the sides, normalised.
func (p *Pipeline) upscaled(ctx context.Context, now latents, s size) (latents, error) {
	z := unpacked(p.c.VAE.denormalised(now.video), s.frames, s.height, s.width)
	out, err := p.upsample(ctx, z)
	if err != nil {
		return latents{}, fmt.Errorf("enlarge the latents: %w", err)
	}
	return latents{p.c.VAE.normalised(packed(out)), now.audio}, nil
}

// upsample doubles the sides of latents that are not normalised.
func (p *Pipeline) upsample(ctx context.Context, z engine.Tensor) (engine.Tensor, error) {
	out, err := p.graphs.Run(ctx, graphUpsampler, engine.Values{upLatents: z})
	if err != nil {
		return engine.Tensor{}, err
	}
	larger, err := out.Tensor(upLarger)
	if err != nil {
		return larger, err
	}
	v := larger.Float32()
	if f := p.defaults.AdaIN; f != 0 {
		v = adaIN(v, z.Float32(), int(z.Shape[1]), f)
	}
	if f := p.defaults.ToneMap; f > 0 {
		v = toneMap(v, f)
	}
	return engine.Floats(v, larger.Shape...), nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, errdefs.ErrInvalidArgument)...)
}
