package image

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestFlight: one who leaves ends nothing for the others; the last one's leaving ends it.
func TestFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flight[int]
		started, ended := 0, 0
		release := make(chan struct{})
		run := func(ctx context.Context) (int, error) {
			started++
			defer func() { ended++ }()
			select {
			case <-release:
				return 7, nil
			case <-ctx.Done():
				return 0, context.Cause(ctx)
			}
		}
		gone := errors.New("gone")
		first, leaveFirst := context.WithCancelCause(t.Context())
		second, leaveSecond := context.WithCancelCause(t.Context())
		results := make(chan error, 2)
		go func() { _, err := f.do(first, "k", run); results <- err }()
		go func() { _, err := f.do(second, "k", run); results <- err }()
		synctest.Wait()
		leaveFirst(gone)
		if err := <-results; !errors.Is(err, gone) || started != 1 || ended != 0 {
			t.Errorf("%v, %d started, %d ended", err, started, ended)
		}
		leaveSecond(gone)
		if err := <-results; !errors.Is(err, gone) || ended != 1 {
			t.Errorf("%v, %d ended", err, ended)
		}
		close(release)
		if v, err := f.do(t.Context(), "k", run); v != 7 || err != nil || started != 2 {
			t.Errorf("%d, %v, %d started", v, err, started)
		}
	})
}
