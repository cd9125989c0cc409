package containerd

import (
	"context"
	"log/slog"

	"github.com/containerd/errdefs"
)

// steps remembers how to take back what has been done.
type steps struct{ list []step }

type step struct {
	what string
	back func(context.Context) error
}

func (s *steps) add(what string, back func(context.Context) error) {
	s.list = append(s.list, step{what, back})
}

// undo goes backwards. What cannot be taken back is logged, and left to Cleanup.
func (s *steps) undo(ctx context.Context, log *slog.Logger) {
	for i := len(s.list) - 1; i >= 0; i-- {
		if err := s.list[i].back(ctx); err != nil && !errdefs.IsNotFound(err) {
			log.Warn("cannot undo a step of a failed start", "step", s.list[i].what, "error", err)
		}
	}
}
