package waver

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/nn"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/patch"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/inference/text"
	"github.com/videosdgx/videosdgx/functions/inference/text/qwen"
	"github.com/videosdgx/videosdgx/functions/inference/text/t5"
	"github.com/videosdgx/videosdgx/functions/inference/vae"
	"github.com/videosdgx/videosdgx/functions/media"
)

// Notice is said when a model is opened.
const Notice = "Waver is built from its paper: no weights, code or names were published, so nothing here was compared with the original"

// Pipeline is an open bundle. Generate is called by one goroutine at a time.
type Pipeline struct {
	c        configs
	defaults Defaults
	t5       t5.Prompt
	qwen     qwen.Prompt
	engine   engine.Engine
	sessions *bundle.Sessions
	memory   int64
	stages   *bundle.Stages
	name     string
	digest   string
	schema   json.RawMessage
}

var _ handler.Model = (*Pipeline)(nil)

// Open opens a bundle of this family.
func Open(ctx context.Context, m *bundle.Model) (handler.Model, error) {
	if err := m.Is(Family); err != nil {
		return nil, err
	}
	c, err := parseConfigs(m.Configs)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", m.Dir, err)
	}
	p := &Pipeline{c: c, engine: m.Engine, memory: m.Memory, name: m.Name, digest: m.Manifest.Digest, schema: m.Manifest.Schema}
	if p.defaults, err = parseDefaults(m.Defaults); err != nil {
		return nil, err
	}
	if err := p.tokenizers(m.Dir); err != nil {
		return nil, err
	}
	var names []string
	for _, g := range c.graphs() {
		names = append(names, g.Name)
	}
	p.sessions = m.Open(ctx, names)
	p.stages = m.Stages(c.graphs(), c.sizes(p.defaults))
	p.t5.Graphs, p.qwen.Graphs = p.sessions, p.sessions
	return p, nil
}

func (p *Pipeline) tokenizers(dir string) error {
	first, err := text.Load(filepath.Join(dir, "tokenizer"))
	if err != nil {
		return err
	}
	second, err := text.Load(filepath.Join(dir, "tokenizer_2"))
	if err != nil {
		return err
	}
	p.t5 = t5.Prompt{Config: p.c.T5, Tokenizer: first, Graph: graphT5}
	p.qwen = qwen.Prompt{Config: p.c.Qwen, Tokenizer: second, Graph: graphQwen}
	return nil
}

// Close closes every session; runs under way end first.
func (p *Pipeline) Close() error { return p.sessions.Close() }

// Describe implements handler.Model.
func (p *Pipeline) Describe() handler.Description {
	d, c := p.defaults, p.c
	scale, time := int(c.VAE.SpatialScale()), int(c.VAE.TemporalScale())
	high, wide := scale*int(c.Transformer.PatchSize[1]), scale*int(c.Transformer.PatchSize[2])
	return handler.Description{
		Name: p.name, Family: Family, Digest: p.digest, Schema: p.schema, Embed: p.embed,
		Defaults: handler.Request{Width: d.Width, Height: d.Height, NumFrames: d.Frames, FPS: float64(d.FPS), Steps: d.Steps, Guidance: d.Guidance},
		Limits: handler.Limits{WidthMultiple: wide, HeightMultiple: high, MaxWidth: min(int(c.Transformer.MaxWidth)*wide, maxSide), MaxHeight: min(int(c.Transformer.MaxHeight)*high, maxSide),
			FrameStep: time, MaxFrames: (int(c.Transformer.MaxFrames*c.Transformer.PatchSize[0])-1)*time + 1, MaxSteps: 1000, MaxGuidance: 30, MaxFPS: 120,
			MaxPromptBytes: 8 << 10, MaxTokens: d.MaxSequence, Image: "optional", Tokens: p.tokens},
	}
}

const maxSide = 1920

// Generate makes one clip.
func (p *Pipeline) Generate(ctx context.Context, r handler.Request, out handler.Output) error {
	if err := p.checkMemory(r); err != nil {
		return err
	}
	sched, err := schedule.FromJSON(p.c.Scheduler, schedule.Options{Steps: r.Steps})
	if err != nil {
		return err
	}
	defer p.engine.Trim()
	out.Progress(handler.Progress{Phase: "encode"})
	d, err := p.prepare(ctx, r)
	if err != nil {
		return err
	}
	out.Progress(handler.Progress{Phase: "denoise"})
	latents := noise.Normal(uint64(r.Seed), int(engine.Elements(d.shape())))
	times, sigmas := sched.Timesteps(), sched.Sigmas()
	for i, t := range times {
		v, err := d.velocity(ctx, latents, t, float64(sigmas[i]))
		if err == nil {
			err = sched.Step(latents, v)
		}
		if err != nil {
			return fmt.Errorf("denoising step %d of %d: %w", i+1, len(times), err)
		}
		out.Progress(handler.Progress{Phase: "denoise", Step: i + 1, Steps: len(times)})
	}
	out.Latents(latents)
	out.Progress(handler.Progress{Phase: "decode"})
	return p.decode(ctx, engine.Floats(latents, d.shape()...), r, out)
}

func (p *Pipeline) decode(ctx context.Context, latents engine.Tensor, r handler.Request, out handler.Output) error {
	tiling, err := p.fitting(r).Tiling(int64(r.Height), int64(r.Width))
	if err != nil {
		return err
	}
	coder, frames := vae.Coder{Config: p.c.VAE, Sessions: p.sessions, First: graphDecodeFirst, Next: graphDecodeNext, Tiling: tiling, Lent: true}, 0
	return coder.Decode(ctx, p.c.VAE.Denormalise(latents), func(clip engine.Tensor) error {
		return vae.EmitFrames(clip, func(rgb []byte) error {
			frames++
			out.Progress(handler.Progress{Phase: "decode", Step: frames, Steps: r.NumFrames})
			return out.Frame(rgb)
		})
	})
}

// denoiser predicts velocities for latents of one shape under one prompt.
type denoiser struct {
	c                     TransformerConfig
	session               engine.Session
	frames, height, width int64
	cond, uncond          prompt
	guided                bool
	apg                   schedule.APG
	condition             []float32 // the image's latents and the mask, zeros without an image
}

// prompt is a text in both encoders' words.
type prompt struct{ t5, qwen engine.Tensor }

func (d *denoiser) shape() []int64 {
	return []int64{1, d.c.OutChannels, d.frames, d.height, d.width}
}

func (p *Pipeline) prepare(ctx context.Context, r handler.Request) (*denoiser, error) {
	scale, time := p.c.VAE.SpatialScale(), p.c.VAE.TemporalScale()
	d := &denoiser{c: p.c.Transformer, frames: int64(r.NumFrames-1)/time + 1, height: int64(r.Height) / scale, width: int64(r.Width) / scale,
		guided: r.Guidance > 1, apg: schedule.APG{Scale: r.Guidance, Eta: p.defaults.Eta, Norm: p.defaults.Norm}}
	var err error
	if d.cond, err = p.encode(ctx, r.Prompt); err != nil {
		return nil, err
	}
	if d.guided {
		if d.uncond, err = p.encode(ctx, r.NegativePrompt); err != nil {
			return nil, err
		}
	}
	d.condition = make([]float32, (p.c.VAE.ZDim+time)*d.frames*d.height*d.width)
	if r.Image != nil {
		if err := p.conditionOnImage(ctx, r, d); err != nil {
			return nil, fmt.Errorf("encode image: %w", err)
		}
	}
	d.session, err = p.sessions.Get(ctx, graphTransformer)
	return d, err
}

func (p *Pipeline) encode(ctx context.Context, words string) (out prompt, err error) {
	if out.t5, err = p.t5.Encode(ctx, words, p.defaults.MaxSequence); err != nil {
		return out, err
	}
	out.qwen, err = p.qwen.Encode(ctx, words, p.defaults.MaxSequence)
	return out, err
}

// tokens is how many the encoder sees that makes more of a text: each is given so many at most.
func (p *Pipeline) tokens(words string) (int, error) {
	first, err := p.t5.Tokenizer.Tokens(words)
	if err != nil {
		return 0, err
	}
	second, err := p.qwen.Tokenizer.Tokens(words)
	return max(first, second), err
}

// embed is handler.Description's, as the first of the two encoders sees the text.
func (p *Pipeline) embed(ctx context.Context, words string) ([]float32, error) {
	defer p.engine.Trim()
	return p.t5.Embed(ctx, text.Clean(words), p.defaults.MaxSequence)
}

// conditionOnImage sets the latents of a clip that is the image and then nothing, and the mask that marks its first frame.
func (p *Pipeline) conditionOnImage(ctx context.Context, r handler.Request, d *denoiser) error {
	run := vae.Chunked{Sessions: p.sessions, First: graphEncodeFirst, Next: graphEncodeNext}
	defer run.Close()
	h, w := int64(r.Height), int64(r.Width)
	piece := engine.Floats(media.Resize(r.Image, r.Width, r.Height, media.Lanczos).Planes(), 1, 3, 1, h, w)
	zeros := engine.Zeros(1, 3, p.c.VAE.TemporalScale(), h, w)
	var latents []engine.Tensor
	for range d.frames {
		out, err := run.Run(ctx, vae.Video, piece)
		if err != nil {
			return err
		}
		mean, err := out.Tensor(vae.Mean)
		if err != nil {
			return err
		}
		latents, piece = append(latents, mean), zeros
	}
	z, err := vae.Join(latents)
	if err != nil {
		return err
	}
	n, plane := copy(d.condition, p.c.VAE.Normalise(z).Float32()), int(d.height*d.width)
	for c := range int(p.c.VAE.TemporalScale()) {
		first := d.condition[n+c*int(d.frames)*plane:][:plane]
		for i := range first {
			first[i] = 1
		}
	}
	return nil
}

// velocity is the prediction, guided on the clean sample by APG frame by frame.
func (d *denoiser) velocity(ctx context.Context, latents []float32, t float32, sigma float64) ([]float32, error) {
	v, err := d.predict(ctx, latents, t, d.cond)
	if err != nil || !d.guided {
		return v, err
	}
	u, err := d.predict(ctx, latents, t, d.uncond)
	if err != nil {
		return nil, err
	}
	return d.apg.Velocity(latents, v, u, sigma, int(d.frames), int(d.height*d.width)), nil
}

func (d *denoiser) predict(ctx context.Context, latents []float32, t float32, words prompt) ([]float32, error) {
	c, grid := d.c, d.c.grid(d.frames, d.height, d.width)
	full := append(append(make([]float32, 0, len(latents)+len(d.condition)), latents...), d.condition...)
	if have := int64(len(full)) / (d.frames * d.height * d.width); have != c.InChannels {
		return nil, fmt.Errorf("the transformer takes %d channels, latents, image and mask make %d: %w", c.InChannels, have, errdefs.ErrInvalidArgument)
	}
	patches, text := grid[0]*grid[1]*grid[2], words.t5.Shape[1]+words.qwen.Shape[1]
	in := engine.Values{
		ditTokens: engine.Floats(patch.Cut(full, c.InChannels, d.frames, d.height, d.width, c.PatchSize), 1, patches, c.InChannels*c.patchVolume()),
		ditTime:   engine.Floats(nn.Sinusoid(t, c.FreqDim), 1, c.FreqDim), ditT5: words.t5, ditQwen: words.qwen,
	}
	in[ditCos], in[ditSin] = c.rotary(grid, text)
	frames, rows, columns := c.positions(grid)
	in[ditFrames], in[ditRows], in[ditColumns] = engine.Ints(frames, patches), engine.Ints(rows, patches), engine.Ints(columns, patches)
	out, err := d.session.Run(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := schedule.Numbers(out.Float32(ditSample)); err != nil {
		return nil, err
	}
	return patch.Join(out.Float32(ditSample), c.OutChannels, d.frames, d.height, d.width, c.PatchSize), nil
}
