package wan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
	"github.com/videosdgx/videosdgx/functions/inference/schedule"
	"github.com/videosdgx/videosdgx/functions/inference/text"
	"github.com/videosdgx/videosdgx/functions/inference/text/t5"
)

// Pipeline is an open bundle. One clip at a time keeps the cores busy; Generate may be called from several goroutines.
type Pipeline struct {
	c         configs
	defaults  Defaults
	prompts   t5.Prompt
	engine    engine.Engine
	sessions  *bundle.Sessions
	experts   *bundle.Sessions // of those in turns
	turns     []string         // graphs that lie on the device one at a time
	tokenizer *text.Tokenizer
	derived   bool  // the bundle has LoRAs merged in
	memory    int64 // that a stage may take, 0: no limit is known
	stages    *bundle.Stages
}

// open checks a bundle and starts to open its graphs; weights are mapped, not read. A graph that cannot be opened is told by
// the clip that needs it.
func open(ctx context.Context, m *bundle.Model) (*Pipeline, error) {
	c, err := parseConfigs(m.Configs)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", m.Dir, err)
	}
	p := &Pipeline{c: c, engine: m.Engine, derived: m.Derived != nil, memory: m.Memory}
	if p.defaults, err = parseDefaults(c, m.Defaults); err != nil {
		return nil, err
	}
	if p.tokenizer, err = text.Load(filepath.Join(m.Dir, "tokenizer")); err != nil {
		return nil, err
	}
	if p.turns, err = inTurns(m, c); err != nil {
		return nil, err
	}
	p.experts = bundle.OpenApart(p.turns, m.OpenGraph)
	var names []string
	for _, g := range c.graphs() {
		if !slices.Contains(p.turns, g.Name) {
			names = append(names, g.Name)
		}
	}
	p.sessions = m.Open(ctx, names)
	p.stages = m.Stages(c.graphs(), c.sizes(p.defaults))
	p.prompts = t5.Prompt{Config: c.Text, Tokenizer: p.tokenizer, Graphs: p.sessions, Graph: graphText}
	return p, nil
}

// Close closes every session; runs under way end first.
func (p *Pipeline) Close() error { return errors.Join(p.experts.Close(), p.sessions.Close()) }

// Generate makes one clip. The same request gives the same latents, byte for byte, on machines of one kind. Memory is
// given back when it returns.
func (p *Pipeline) Generate(ctx context.Context, r handler.Request, out handler.Output) error {
	if err := p.Check(r); err != nil {
		return err
	}
	if err := p.checkMemory(r); err != nil {
		return err
	}
	if _, err := p.schedule(r.Steps, uint64(r.Seed)); err != nil {
		return err
	}
	defer p.engine.Trim()
	out.Progress(handler.Progress{Phase: "encode"})
	d, err := p.prepare(ctx, r)
	if err != nil {
		return err
	}
	c := &clip{p: p, r: r, d: d, out: out, passes: p.passes(r)}
	for i := range c.passes {
		if err := c.make(ctx, i); err != nil {
			return err
		}
	}
	out.Latents(c.latents)
	return nil
}

// prepare encodes the prompts, and sets what is the same for all passes of a clip.
func (p *Pipeline) prepare(ctx context.Context, r handler.Request) (*denoiser, error) {
	scale := p.c.VAE.SpatialScale()
	d := &denoiser{c: p.c.Transformer, height: int64(r.Height) / scale, width: int64(r.Width) / scale}
	var err error
	if d.cond, err = p.prompts.Encode(ctx, r.Prompt, p.promptTokens()); err != nil {
		return nil, err
	}
	d.first = expert{p.transformer(graphTransformer), float32(r.Guidance)}
	if p.c.Second != nil {
		d.second, d.boundary = &expert{p.transformer(graphSecond), p.secondGuidance(r)}, p.c.boundary(float64(p.trainTimesteps()))
	}
	if d.first.guidance > 1 || d.second != nil && d.second.guidance > 1 {
		if d.uncond, err = p.prompts.Encode(ctx, r.NegativePrompt, p.promptTokens()); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// embed is handler.Description's.
func (p *Pipeline) embed(ctx context.Context, prompt string) ([]float32, error) {
	defer p.engine.Trim()
	return p.prompts.Embed(ctx, text.Clean(prompt), p.promptTokens())
}

// trainTimesteps is what a boundary_ratio is a share of.
func (p *Pipeline) trainTimesteps() int {
	c, err := schedule.ParseConfig(p.c.Scheduler)
	if err != nil {
		return schedule.Defaults().TrainTimesteps // told when the schedule is made
	}
	return c.TrainTimesteps
}

// secondGuidance is what the request says of the expert of low noise, else the default.
func (p *Pipeline) secondGuidance(r handler.Request) float32 {
	if r.Values[secondGuidance] == nil {
		return float32(p.defaults.SecondGuidance)
	}
	return float32(number(r, secondGuidance))
}

// number is a field that this model has added to the schema, 0 without it.
func number(r handler.Request, field string) float64 {
	switch v := r.Values[field].(type) {
	case json.Number:
		f, _ := v.Float64() // the schema has checked it
		return f
	case float64:
		return v
	}
	return 0
}

// promptTokens is the length of the text that the transformer sees.
func (p *Pipeline) promptTokens() int {
	if p.c.Transformer.AddedKVProjDim > 0 {
		return imageTextTokens
	}
	return p.defaults.MaxSequence
}
