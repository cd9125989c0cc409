package wan

import (
	"context"
	"slices"

	"github.com/videosdgx/videosdgx/functions/inference/bundle"
	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

// room is the share of a device's memory that the weights of both experts may take: the rest is for a stage's activations.
const room = 0.75

// inTurns names the transformers of a model of two where both do not fit the device: one is open at a time, and a clip, which
// walks from noise to less of it, swaps them once. Where both fit they are sessions like all others.
func inTurns(m *bundle.Model, c configs) ([]string, error) {
	if c.Second == nil || m.Memory <= 0 {
		return nil, nil
	}
	both, total := []string{graphTransformer, graphSecond}, int64(0)
	for _, name := range both {
		n, err := m.DeviceBytes(name)
		if err != nil {
			return nil, err
		}
		total += n
	}
	if float64(total) <= room*float64(m.Memory) {
		return nil, nil
	}
	return both, nil
}

// transformer gives a transformer by its graph's name, whoever holds it.
func (p *Pipeline) transformer(graph string) func(ctx context.Context) (engine.Session, error) {
	from := p.sessions
	if slices.Contains(p.turns, graph) {
		from = p.experts
	}
	return func(ctx context.Context) (engine.Session, error) { return from.Get(ctx, graph) }
}
