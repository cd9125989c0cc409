package wan21

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// chunked runs a pair of causal graphs over a clip, carrying the caches from run to run. They stay where they are made.
type chunked struct {
	sessions    *sessions
	first, next string // graphs
	caches      engine.Values
}

// run gives one piece of the clip to the graphs and returns what is not a cache. The first piece must be one frame.
func (c *chunked) run(ctx context.Context, input string, piece engine.Tensor) (engine.Values, error) {
	graph, in := c.first, engine.Values{input: piece}
	if c.caches != nil {
		graph = c.next
		maps.Copy(in, c.caches)
	}
	session, err := c.sessions.get(ctx, graph)
	if err != nil {
		return nil, err
	}
	out, err := session.Run(ctx, in, carried(session)...)
	if err != nil {
		return nil, err
	}
	c.close()
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

// close frees the caches.
func (c *chunked) close() { c.caches.Close() }

// frames is the part [from, to) of a clip [1, C, T, H, W] along time.
func frames(clip engine.Tensor, from, to int64) engine.Tensor {
	s := clip.Shape
	plane, out := s[3]*s[4], make([]float32, 0, s[1]*(to-from)*s[3]*s[4])
	for c := range s[1] {
		out = append(out, clip.Float32()[(c*s[2]+from)*plane:(c*s[2]+to)*plane]...)
	}
	return engine.Floats(out, 1, s[1], to-from, s[3], s[4])
}

// join puts pieces of a clip together along time.
func join(pieces []engine.Tensor) (engine.Tensor, error) {
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
