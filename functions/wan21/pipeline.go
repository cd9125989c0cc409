package wan21

import (
	"context"
	"fmt"
	"image"
	"path/filepath"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/inference/text"
	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Pipeline is an open bundle. One clip at a time keeps the cores busy; Generate may be called from several goroutines.
type Pipeline struct {
	c         configs
	defaults  Defaults
	tokenizer *text.Tokenizer
	engine    engine.Engine
	sessions  *sessions
}

// Observer hears how a clip comes along. Every field may be nil.
type Observer struct {
	// Phase says what begins: "encode", "denoise", "decode".
	Phase func(name string)
	// Step is called after each denoising step, done counting from 1.
	Step func(done, total int)
	// Preview gets a picture of what is coming, a few times on the way.
	Preview func(image.Image)
	// Latents gets the finished latents [1, channels, frames, height, width], before they are decoded.
	Latents func(latents []float32, shape []int64)
	// Frame gets one finished frame after the other as rows of RGB bytes, valid until it returns. An error ends the clip.
	Frame func(rgb []byte) error
}

// Open checks a bundle and starts to open its graphs; weights are mapped, not read. A graph that cannot be opened is told
// by the clip that needs it.
func Open(ctx context.Context, b *weights.Bundle, e engine.Engine, o engine.Options) (*Pipeline, error) {
	if b.Family != Family {
		return nil, fmt.Errorf("bundle %s is of the family %q, not %s: %w", b.Dir, b.Family, Family, errdefs.ErrInvalidArgument)
	}
	c, err := parseConfigs(b.Configs)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", b.Dir, err)
	}
	if c.Transformer.PosEmbedSeqLen > 0 {
		return nil, fmt.Errorf("bundle %s makes clips between two images, which requests cannot carry yet: %w", b.Dir, errdefs.ErrNotImplemented)
	}
	p := &Pipeline{c: c, engine: e}
	if p.defaults, err = parseDefaults(b.Defaults); err != nil {
		return nil, err
	}
	if p.tokenizer, err = text.Load(filepath.Join(b.Dir, "tokenizer")); err != nil {
		return nil, err
	}
	p.sessions = openAll(ctx, c.graphNames(), func(ctx context.Context, name string) (engine.Session, error) {
		path, err := b.Path(name + ".onnx")
		if err != nil {
			return nil, err
		}
		return e.Open(ctx, path, o)
	})
	return p, nil
}

// Defaults are what the bundle says a request may leave out.
func (p *Pipeline) Defaults() Defaults { return p.defaults }

// Close closes every session; runs under way end first.
func (p *Pipeline) Close() error { return p.sessions.close() }

// Generate makes one clip. The same request gives the same latents, byte for byte, on machines of one kind. Memory is
// given back when it returns.
func (p *Pipeline) Generate(ctx context.Context, r Request, o Observer) error {
	if err := p.Check(r); err != nil {
		return err
	}
	sched, err := schedule.FromJSON(p.c.Scheduler, schedule.Options{Steps: r.Steps})
	if err != nil {
		return err
	}
	defer p.engine.Trim()
	o.phase("encode")
	d, err := p.prepare(ctx, r)
	if err != nil {
		return err
	}
	o.phase("denoise")
	latents := noise.Normal(r.Seed, int(d.elements()))
	if err := d.denoise(ctx, sched, latents, float32(r.Guidance), p.watch(ctx, d, o)); err != nil {
		return err
	}
	if o.Latents != nil {
		o.Latents(latents, d.shape())
	}
	o.phase("decode")
	return p.decode(ctx, engine.Floats(latents, d.shape()...), o.Frame)
}

func (o Observer) phase(name string) {
	if o.Phase != nil {
		o.Phase(name)
	}
}

// prepare encodes what the clip is conditioned on.
func (p *Pipeline) prepare(ctx context.Context, r Request) (*denoiser, error) {
	scale := p.c.VAE.SpatialScale()
	d := &denoiser{c: p.c.Transformer, frames: int64(p.latentFrames(r)), height: int64(r.Height) / scale, width: int64(r.Width) / scale}
	var err error
	if d.cond, err = p.encodePrompt(ctx, r.Prompt); err != nil {
		return nil, err
	}
	if r.Guidance > 1 {
		if d.uncond, err = p.encodePrompt(ctx, r.NegativePrompt); err != nil {
			return nil, err
		}
	}
	if p.c.imageToVideo() {
		if err := p.conditionOnImage(ctx, r, d); err != nil {
			return nil, err
		}
	}
	d.session, err = p.sessions.get(ctx, graphTransformer)
	return d, err
}
