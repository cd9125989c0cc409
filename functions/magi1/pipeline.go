package magi1

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/noise"
	"github.com/videosdgx/videosdgx/functions/inference/text"
	"github.com/videosdgx/videosdgx/functions/inference/text/t5"
)

// Pipeline makes clips from an open bundle. Generate may be called from several goroutines; one clip at a time keeps the device
// busy.
type Pipeline struct {
	c         configs
	defaults  Defaults
	prompts   t5.Prompt
	engine    engine.Engine
	sessions  *bundle.Sessions
	tokenizer *text.Tokenizer
	special   specialTokens
	memory    int64 // of the instance on the CPU, 0: no limit is known
	stages    *bundle.Stages

	once   sync.Mutex // guards tables, which the first clip reads
	tables *tables
}

// open checks a bundle and starts to open its graphs; weights are mapped, not read.
func open(ctx context.Context, m *bundle.Model) (*Pipeline, error) {
	if err := m.Is(Family); err != nil {
		return nil, err
	}
	c, err := parseConfigs(m.Configs)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", m.Dir, err)
	}
	p := &Pipeline{c: c, engine: m.Engine}
	if p.defaults, err = parseDefaults(m.Defaults, c.Runtime); err != nil {
		return nil, err
	}
	if p.tokenizer, err = text.Load(filepath.Join(m.Dir, "tokenizer")); err != nil {
		return nil, err
	}
	if p.special, err = readSpecial(filepath.Join(m.Dir, specialFile), int(c.Model.CaptionSize)); err != nil {
		return nil, err
	}
	var names []string
	for _, g := range c.graphs() {
		names = append(names, g.Name)
	}
	if p.stages = m.Stages(c.graphs(), c.sizes); m.Options.Device.Host() {
		p.memory = m.Memory
	}
	p.sessions = m.Open(ctx, names)
	p.prompts = t5.Prompt{Config: c.Text, Tokenizer: p.tokenizer, Graphs: p.sessions, Graph: graphText}
	return p, nil
}

// Close closes every session; runs under way end first.
func (p *Pipeline) Close() error { return p.sessions.Close() }

// Generate makes one clip, chunk by chunk: each is decoded and handed on while the next ones wait. The same request gives the same
// frames, byte for byte, on machines of one kind. Memory does not depend on the clip's length, and is given back when it returns.
func (p *Pipeline) Generate(ctx context.Context, r handler.Request, out handler.Output) error {
	if err := p.Check(r); err != nil {
		return err
	}
	if err := p.checkMemory(r); err != nil {
		return err
	}
	defer p.engine.Trim()
	out.Progress(handler.Progress{Phase: "encode"})
	c := p.coder()
	w, err := p.prepare(ctx, r, c)
	if err != nil {
		return err
	}
	m := &making{p: p, w: w, coder: c, out: out, left: r.NumFrames, digest: newDigest()}
	m.stepped(0, w.forwards())
	if err := w.run(ctx, m.stepped, func(chunk int, latents []float32, n int) error { return m.chunk(ctx, chunk, latents, n) }); err != nil {
		return err
	}
	out.Latents(m.digest.values())
	return nil
}

// making is a clip in the making.
type making struct {
	p      *Pipeline
	w      *walker
	coder  coder
	out    handler.Output
	step   int // forwards that are done
	steps  int // of all
	left   int // frames
	digest digest
}

func (m *making) stepped(done, total int) {
	m.step, m.steps = done, total
	m.out.Progress(handler.Progress{Phase: "denoise", Step: done, Steps: total})
}

// chunk decodes a finished chunk of n latent frames and hands it on. The last may have more frames than were asked for.
func (m *making) chunk(ctx context.Context, chunk int, latents []float32, n int) error {
	w := m.w
	m.digest.add(latents)
	m.out.Progress(handler.Progress{Phase: "decode", Step: m.step, Steps: m.steps, Message: fmt.Sprintf("chunk %d of %d", chunk-w.whole()+1, w.chunks-w.whole())})
	z := engine.Floats(latents, 1, int64(w.net.channels()), int64(n), w.net.height, w.net.width)
	video, err := m.coder.decode(ctx, scaled(z, 1/m.p.c.Runtime.ScaleFactor))
	if err != nil {
		return err
	}
	err = eachFrame(video, func(rgb []byte) error {
		if m.left == 0 {
			return nil
		}
		m.left--
		return m.out.Frame(rgb)
	})
	if err != nil {
		return err
	}
	m.p.engine.Trim() // what a chunk leaves between the activations of the next would scatter the heap
	return m.out.Cut()
}

func (p *Pipeline) coder() coder {
	return coder{c: p.c.VAE.Coder, graphs: p.sessions, tiling: publishedTiling(p.c.Runtime.FPS)}
}

// prepare encodes what the clip is conditioned on.
func (p *Pipeline) prepare(ctx context.Context, r handler.Request, c coder) (*walker, error) {
	cfg := p.c.Config
	cfg.Runtime.NumSteps = r.Steps
	cfg.Runtime.TextScales = withGuidance(cfg.Runtime.TextScales, float32(r.Guidance))
	t, err := p.readTables(ctx)
	if err != nil {
		return nil, err
	}
	w := &walker{net: &network{c: cfg.Model, tables: t, slots: cfg.Runtime.Slots(), distilled: cfg.Engine.Distill, nearlyCleanAbove: cfg.Engine.NearlyCleanAbove, chunkWidth: int64(cfg.Runtime.ChunkWidth),
		height: int64(r.Height) / p.c.VAE.Coder.PatchSize, width: int64(r.Width) / p.c.VAE.Coder.PatchSize}}
	given, err := p.given(ctx, r, c)
	if err != nil {
		return nil, err
	}
	frames, prefix := r.NumFrames/cfg.Runtime.TimeFactor, 0
	if given.Data != nil {
		w.given, prefix = given.Float32(), int(given.Shape[2])
	}
	if prefix == 1 { // an image is the clip's own first frames
		frames--
	}
	if w.plan, err = newPlan(cfg, frames, prefix); err != nil {
		return nil, err
	}
	prompt, mask, err := p.prompts.EncodeCleaned(ctx, text.CleanCaption(r.Prompt), p.c.textTokens())
	if err != nil {
		return nil, err
	}
	w.captions = captionSet{captionMaker: captionMaker{size: int(p.c.Model.CaptionSize), null: t.null, special: p.special, kinds: p.defaults.Special, negative: p.defaults.Negative},
		prompt: prompt.Float32(), mask: mask, chunks: w.chunks, prefix: w.whole()}
	each := w.net.channels() * cfg.Runtime.ChunkWidth * w.net.plane()
	w.noise = func(chunk int) []float32 { return noise.Normal(uint64(r.Seed)+uint64(chunk)<<53, each) } // seeds end before the 53rd bit
	w.net.session, err = p.sessions.Get(ctx, graphTransformer)
	return w, err
}

// withGuidance has the largest scale be guidance, where one is asked for.
func withGuidance(scales []float32, guidance float32) []float32 {
	out := slices.Clone(scales)
	if len(out) == 0 || guidance <= 0 {
		return out
	}
	most := slices.Max(out)
	for i := range out {
		if out[i] == most {
			out[i] = guidance
		}
	}
	return out
}

func (p *Pipeline) readTables(ctx context.Context) (tables, error) {
	p.once.Lock()
	defer p.once.Unlock()
	if p.tables == nil {
		t, err := readTables(ctx, p.sessions, p.c.Model)
		if err != nil {
			return tables{}, err
		}
		p.tables = &t
	}
	return *p.tables, nil
}

// embed is handler.Description's.
func (p *Pipeline) embed(ctx context.Context, prompt string) ([]float32, error) {
	defer p.engine.Trim()
	return p.prompts.Embed(ctx, text.CleanCaption(prompt), p.c.textTokens())
}
