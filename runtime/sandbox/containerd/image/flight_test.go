package image

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestFlight: one who leaves ends nothing for the others; the last one's leaving ends it.
func TestFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flight[int]
		started, ended := 0, 0
		release := make(chan struct{})
		run := func(ctx context.Context, _ Hear) (int, error) {
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
		go func() { _, err := f.do(first, "k", nil, run); results <- err }()
		go func() { _, err := f.do(second, "k", nil, run); results <- err }()
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
		if v, err := f.do(t.Context(), "k", nil, run); v != 7 || err != nil || started != 2 {
			t.Errorf("%d, %v, %d started", v, err, started)
		}
	})
}

// TestAllWhoWaitHear: who came first, and who came later what was told last; nobody once they have left.
func TestAllWhoWaitHear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flight[int]
		next := make(chan struct{})
		run := func(_ context.Context, hear Hear) (int, error) {
			for n := 1; n <= 3; n++ {
				hear(spec.StartStep{Phase: spec.PhaseUnpack, Step: n, Steps: 3})
				<-next
			}
			return 7, nil
		}
		var work sync.WaitGroup
		waits := func(ctx context.Context, to *[]int) {
			work.Go(func() { _, _ = f.do(ctx, "k", func(s spec.StartStep) { *to = append(*to, s.Step) }, run) })
			synctest.Wait()
		}
		leaves, leave := context.WithCancel(t.Context())
		var first, second, third []int
		waits(t.Context(), &first)
		waits(leaves, &second)
		leave()
		synctest.Wait()
		next <- struct{}{}
		synctest.Wait()
		waits(t.Context(), &third)
		next <- struct{}{}
		next <- struct{}{}
		work.Wait()
		for who, got := range map[string][2][]int{"the first": {first, {1, 2, 3}}, "one who left": {second, {1}}, "one who came later": {third, {2, 3}}} {
			if !slices.Equal(got[0], got[1]) {
				t.Errorf("%s heard %v, want %v", who, got[0], got[1])
			}
		}
	})
}
