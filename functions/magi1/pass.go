package magi1

import (
	"context"
	"fmt"
)

// passes are those of one step: three with guidance, one of a model that was distilled to do without.
type passes struct {
	w          *walker
	s          step
	text, null *pass
}

func (w *walker) begin(s step) *passes {
	return &passes{w, s, &pass{w: w, seen: w.memory.copy(), keep: s.clean && w.c.CFGNumber == 1}, &pass{w: w, seen: w.memory.copy(), keep: s.clean}}
}

func (p *passes) close() {
	p.text.close()
	p.null.close()
}

// predict is the velocities of chunks, which follow those of earlier calls; with last none follow.
func (p *passes) predict(ctx context.Context, chunks []call, last bool) (map[int][]float32, error) {
	if p.w.c.CFGNumber == 1 {
		return p.tempered(ctx, chunks)
	}
	return p.guided(ctx, chunks, last)
}

// guided is the velocity of three passes: with text and the chunks before, with the chunks before, and alone. A clean chunk in
// front leaves the second pass's keys and values.
func (p *passes) guided(ctx context.Context, chunks []call, last bool) (map[int][]float32, error) {
	text, err := p.text.run(ctx, p.w.under(chunks, kindText))
	if err != nil {
		return nil, err
	}
	if last {
		p.text.close() // before the next pass takes as much
	}
	nulls := p.w.under(chunks, kindNull)
	prev, err := p.null.run(ctx, nulls)
	if err != nil {
		return nil, err
	}
	out := map[int][]float32{}
	for _, c := range nulls {
		if c.done == p.w.steps {
			continue
		}
		alone, err := p.w.net.alone(ctx, c)
		if err != nil {
			return nil, err
		}
		p.w.c.guide(text[c.chunk], prev[c.chunk], alone, c.time)
		out[c.chunk] = alone
	}
	return out, nil
}

// tempered is the velocity of a distilled model's one pass. The oldest chunk, once it is nearly clean, goes in alone as well.
func (p *passes) tempered(ctx context.Context, chunks []call) (map[int][]float32, error) {
	chunks = p.w.under(chunks, kindText)
	out, err := p.text.run(ctx, chunks)
	if err != nil {
		return nil, err
	}
	for _, c := range chunks {
		if c.chunk != p.s.first || float64(c.time) <= p.w.net.nearlyCleanAbove {
			continue
		}
		alone, err := p.w.net.alone(ctx, c)
		if err != nil {
			return nil, err
		}
		temper(out[c.chunk], alone, nearlyCleanShare)
	}
	return out, nil
}

// pass is one pass over the chunks of a step.
type pass struct {
	w    *walker
	seen window
	keep bool // what a clean chunk leaves
	left []*memory
}

// run runs chunks one after the other, each with what those before have left. Only the clean one's keys and values stay, and only
// of the pass that keeps them.
func (p *pass) run(ctx context.Context, chunks []call) (map[int][]float32, error) {
	out := map[int][]float32{}
	for _, c := range chunks {
		v, m, err := p.w.net.forward(ctx, c, p.seen)
		if err != nil {
			return nil, fmt.Errorf("chunk %d: %w", c.chunk+1, err)
		}
		if p.keep && c.done == p.w.steps {
			p.w.memory[c.chunk] = m
		} else {
			p.left = append(p.left, m)
		}
		p.seen[c.chunk], out[c.chunk] = m, v
	}
	return out, nil
}

func (p *pass) close() {
	for _, m := range p.left {
		m.close()
	}
	p.left = nil
}
