package bundle

import (
	"context"
	"errors"
	"testing"

	"github.com/videosdgx/videosdgx/functions/inference/engine"
)

func TestSessionsOpenBehindTheCaller(t *testing.T) {
	gate, broken, ctx := make(chan struct{}), errors.New("no such file"), context.Background()
	s := OpenAll(ctx, []string{"a", "b", "c"}, func(ctx context.Context, name string) (engine.Session, error) {
		switch name {
		case "a":
			<-gate
			return nil, nil
		case "b":
			return nil, broken
		}
		<-ctx.Done()
		return nil, context.Cause(ctx)
	})
	gone := errors.New("gone")
	early, cancel := context.WithCancelCause(ctx)
	cancel(gone)
	if _, err := s.Get(early, "a"); !errors.Is(err, gone) {
		t.Errorf("whoever does not want to wait: %v", err)
	}
	close(gate)
	if _, err := s.Get(ctx, "a"); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(ctx, "b"); !errors.Is(err, broken) {
		t.Errorf("a graph that cannot be opened: %v", err)
	}
	if _, err := s.Get(ctx, "d"); err == nil {
		t.Error("a graph that is not there was opened")
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(ctx, "c"); !errors.Is(err, errClosed) {
		t.Errorf("after close: %v", err)
	}
}
