package cuda

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// scripted are phases that note their calls and fail where told; cancel is called at the call named by at.
type scripted struct {
	calls  []string
	fail   map[string]error
	at     string
	cancel context.CancelFunc
}

func (s *scripted) call(ctx context.Context, name string, pid int) error {
	step := fmt.Sprintf("%s%d", name, pid)
	s.calls = append(s.calls, step)
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.at == step {
		s.cancel()
	}
	return s.fail[step]
}

func (s *scripted) Lock(ctx context.Context, pid int) error       { return s.call(ctx, "lock", pid) }
func (s *scripted) Checkpoint(ctx context.Context, pid int) error { return s.call(ctx, "save", pid) }
func (s *scripted) Restore(ctx context.Context, pid int) error    { return s.call(ctx, "load", pid) }
func (s *scripted) Unlock(ctx context.Context, pid int) error     { return s.call(ctx, "free", pid) }
func (s *scripted) State(ctx context.Context, pid int) (State, error) {
	return Running, s.call(ctx, "state", pid)
}

func TestFailedStepsAreUndone(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		run        func(context.Context, Phases, []int) (Timing, error)
		fail, want string
	}{
		{Freeze, "lock1", "lock1"},
		{Freeze, "lock2", "lock1 lock2 free1"},
		{Freeze, "save1", "lock1 lock2 save1 free2 free1"},
		{Freeze, "save2", "lock1 lock2 save1 save2 load1 free2 free1"},
		{Thaw, "load1", "load1"},
		{Thaw, "load2", "load1 load2 save1"},
		{Thaw, "free1", "load1 load2 free1 free2"},
	} {
		s := &scripted{fail: map[string]error{c.fail: boom}}
		if _, err := c.run(context.Background(), s, []int{1, 2}); !errors.Is(err, boom) {
			t.Errorf("%s: %v", c.fail, err)
		}
		if got := strings.Join(s.calls, " "); got != c.want {
			t.Errorf("%s: %s, expected %s", c.fail, got, c.want)
		}
	}
}

func TestUndoRunsAfterCancelAndTellsWhatItCouldNot(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	stuck := errors.New("stuck")
	s := &scripted{at: "lock2", cancel: cancel, fail: map[string]error{"free1": stuck}}
	_, err := Freeze(ctx, s, []int{1, 2})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, stuck) {
		t.Error(err)
	}
	if got := strings.Join(s.calls, " "); got != "lock1 lock2 save1 free2 free1" {
		t.Error(got)
	}
}

func TestEachStateHasAName(t *testing.T) {
	if got := fmt.Sprint(Running, Locked, Checkpointed, Failed, State(9)); got != "running locked checkpointed failed state 9" {
		t.Error(got)
	}
}
