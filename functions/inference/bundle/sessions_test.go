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

// TestAGraphThatFailedIsTriedAgain: memory that was out, or a file that was missing, may be there by the next clip. Whoever waits for one
// attempt hears of that one; Close waits for all of them.
func TestAGraphThatFailedIsTriedAgain(t *testing.T) {
	full, ctx := errors.New("memory is out"), t.Context()
	gate, tries := make(chan struct{}, 1), 0
	s := OpenAll(ctx, []string{"a", "b"}, func(ctx context.Context, name string) (engine.Session, error) {
		if name == "b" {
			return nil, nil
		}
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if tries++; tries < 3 {
			return nil, full
		}
		return nil, nil
	})
	gate <- struct{}{}
	if _, err := s.Get(ctx, "b"); err != nil { // which comes after the first attempt at a
		t.Fatal(err)
	}
	gate <- struct{}{}
	if _, err := s.Get(ctx, "a"); !errors.Is(err, full) || tries != 2 {
		t.Errorf("attempt %d: %v", tries, err)
	}
	for range 2 {
		gate <- struct{}{}
		if _, err := s.Get(ctx, "a"); err != nil || tries != 3 {
			t.Errorf("attempt %d, when there is memory: %v", tries, err)
		}
		select {
		case <-gate: // nobody has opened what is open
		default:
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestCloseEndsAnotherAttempt(t *testing.T) {
	full := errors.New("memory is out")
	again, tries := make(chan struct{}), 0
	s := OpenAll(t.Context(), []string{"a"}, func(ctx context.Context, name string) (engine.Session, error) {
		if tries++; tries == 1 {
			return nil, full
		}
		close(again)
		<-ctx.Done()
		return nil, context.Cause(ctx)
	})
	<-s.opening("a").done
	told := make(chan error, 1)
	go func() {
		_, err := s.Get(t.Context(), "a")
		told <- err
	}()
	<-again
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-told; !errors.Is(err, errClosed) {
		t.Errorf("who waited: %v", err)
	}
	if _, err := s.Get(t.Context(), "a"); !errors.Is(err, errClosed) || tries != 2 {
		t.Errorf("after close, attempt %d: %v", tries, err)
	}
}
