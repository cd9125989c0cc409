package duo

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/handler"
	"github.com/videosdgx/videosdgx/functions/media"
)

// Generate makes a clip with the engine whose turn it is. Where the fast one fails before it has given anything, the sure one
// makes the same clip; after a failure that is not the request's shape it makes every clip from then on.
func (m *Model) Generate(ctx context.Context, r handler.Request, out handler.Output) error {
	if err := m.take(ctx); err != nil {
		return err
	}
	defer func() { <-m.turn }()
	m.mu.Lock()
	fast := m.fast
	m.mu.Unlock()
	if fast == nil {
		return m.surely(ctx, r, out)
	}
	given := false
	err := fast.Generate(ctx, r, watched(out, &given))
	switch {
	case err == nil:
		return m.closeSure()
	case given, ctx.Err() != nil:
		return err
	}
	m.s.Log.Warn("TensorRT fails, ONNX Runtime makes the clip", "error", err.Error())
	if !errdefs.IsInvalidArgument(err) { // else the plan is not for this shape, or the request is wrong, which the other says too
		m.retire(err)
	}
	return m.surely(ctx, r, out)
}

// surely makes a clip with the engine that always answers.
func (m *Model) surely(ctx context.Context, r handler.Request, out handler.Output) error {
	if err := m.openSure(ctx); err != nil {
		return err
	}
	return m.s.Sure.Generate(ctx, r, out)
}

// openSure opens the model of the engine that always answers, where it was closed. Its caller has the turn.
func (m *Model) openSure(ctx context.Context) error {
	if m.s.Sure != nil {
		return nil
	}
	model, err := m.s.Reopen(ctx)
	if err != nil {
		return fmt.Errorf("open the model with %s: %w", m.s.SureName, err)
	}
	m.mu.Lock()
	m.s.Sure = model
	m.mu.Unlock()
	return nil
}

// closeSure gives the memory of the engine that is not needed to the one that is; its model is opened again when it is.
func (m *Model) closeSure() error {
	m.mu.Lock()
	sure := m.s.Sure
	if sure == nil || m.s.Reopen == nil {
		m.mu.Unlock()
		return nil
	}
	m.s.Sure = nil
	m.mu.Unlock()
	if err := handler.Close(sure); err != nil {
		m.s.Log.Warn("ONNX Runtime's model is not closed", "error", err.Error())
	}
	return nil
}

// retire has the fast engine serve no more.
func (m *Model) retire(cause error) {
	m.mu.Lock()
	fast := m.fast
	m.fast, m.name, m.why = nil, m.s.SureName, "TensorRT failed: "+cause.Error()
	m.mu.Unlock()
	if err := handler.Close(fast); err != nil {
		m.s.Log.Warn("TensorRT's model is not closed", "error", err.Error())
	}
}

// watched is out, and says in given whether anything of a clip has gone there. Latents may come again: the last count.
func watched(out handler.Output, given *bool) handler.Output {
	w := out
	w.Frame = func(rgb []byte) error { *given = true; return out.Frame(rgb) }
	w.Sound = func(s media.Sound) error { *given = true; return out.Sound(s) }
	w.Piece = func(p handler.Piece) error { *given = true; return out.Piece(p) }
	return w
}
