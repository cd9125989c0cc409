package vae

import (
	"context"
	"fmt"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// Opener gives a session by its graph's name, waiting for it if it must.
type Opener interface {
	Get(ctx context.Context, graph string) (engine.Session, error)
}

// Chunked runs a pair of causal graphs over a clip, carrying the caches from run to run. They stay where they are made.
type Chunked struct {
	Sessions    Opener
	First, Next string   // graphs
	Kept        []string // outputs that stay where they are made, as the caches do: whoever wants them fetches and closes them
	caches      engine.Values
}

// Run gives one piece of the clip to the graphs and returns what is not a cache. The first piece must be one frame.
func (c *Chunked) Run(ctx context.Context, input string, piece engine.Tensor) (engine.Values, error) {
	graph, in := c.First, engine.Values{input: piece}
	if c.caches != nil {
		graph = c.Next
		for name, v := range c.caches {
			in[name] = engine.Spent{Value: v}
		}
		c.caches = engine.Values{} // gone with the run, whatever comes of it
	}
	session, err := c.Sessions.Get(ctx, graph)
	if err != nil {
		return nil, err
	}
	out, err := session.Run(ctx, in, append(carried(session), c.Kept...)...)
	if err != nil {
		return nil, err
	}
	c.caches = engine.Values{}
	for name, t := range out {
		if base, ok := strings.CutSuffix(name, cacheNext); ok {
			c.caches[base] = t
			delete(out, name)
		}
	}
	return out, nil
}

// carried are the outputs that are only for the next run.
func carried(s engine.Session) (names []string) {
	for _, f := range s.Outputs() {
		if strings.HasSuffix(f.Name, cacheNext) {
			names = append(names, f.Name)
		}
	}
	return names
}

// Close frees the caches; the next piece starts a clip.
func (c *Chunked) Close() {
	c.caches.Close()
	c.caches = nil
}

// Frames is the part [from, to) of a clip [1, C, T, H, W] along time.
func Frames(clip engine.Tensor, from, to int64) engine.Tensor {
	s := clip.Shape
	plane, out := s[3]*s[4], make([]float32, 0, s[1]*(to-from)*s[3]*s[4])
	for c := range s[1] {
		out = append(out, clip.Float32()[(c*s[2]+from)*plane:(c*s[2]+to)*plane]...)
	}
	return engine.Floats(out, 1, s[1], to-from, s[3], s[4])
}

// Join puts pieces of a clip together along time.
func Join(pieces []engine.Tensor) (engine.Tensor, error) {
	total := int64(0)
	for _, p := range pieces {
		if len(p.Shape) != 5 {
			return engine.Tensor{}, fmt.Errorf("a piece of a clip has the shape %v", p.Shape)
		}
		total += p.Shape[2]
	}
	s := pieces[0].Shape
	plane, out := s[3]*s[4], make([]float32, 0, s[1]*total*s[3]*s[4])
	for c := range s[1] {
		for _, p := range pieces {
			n := p.Shape[2] * plane
			out = append(out, p.Float32()[c*n:(c+1)*n]...)
		}
	}
	return engine.Floats(out, 1, s[1], total, s[3], s[4]), nil
}
