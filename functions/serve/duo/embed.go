package duo

import "context"

// embedder is handler.Description's Embed of the model that is open, whichever; nil where it has none.
func (m *Model) embedder() func(context.Context, string) ([]float32, error) {
	if m.d.Embed == nil {
		return nil
	}
	return func(ctx context.Context, prompt string) ([]float32, error) {
		if err := m.take(ctx); err != nil {
			return nil, err
		}
		defer func() { <-m.turn }()
		m.mu.Lock()
		fast := m.fast
		m.mu.Unlock()
		if fast != nil {
			return fast.Describe().Embed(ctx, prompt)
		}
		if err := m.openSure(ctx); err != nil {
			return nil, err
		}
		return m.s.Sure.Describe().Embed(ctx, prompt)
	}
}
