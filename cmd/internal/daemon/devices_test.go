package daemon

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/placement"
	"github.com/videosdgx/videosdgx/snapshotter/cuda"
)

// scriptedCUDA keeps the state of each process as the driver does.
type scriptedCUDA map[int]cuda.State

func (s scriptedCUDA) step(pid int, from, to cuda.State) error {
	if s[pid] != from {
		return fmt.Errorf("process %d is %s: %w", pid, s[pid], errdefs.ErrFailedPrecondition)
	}
	s[pid] = to
	return nil
}

func (s scriptedCUDA) Lock(_ context.Context, pid int) error {
	return s.step(pid, cuda.Running, cuda.Locked)
}

func (s scriptedCUDA) Checkpoint(_ context.Context, pid int) error {
	return s.step(pid, cuda.Locked, cuda.Checkpointed)
}

func (s scriptedCUDA) Restore(_ context.Context, pid int) error {
	return s.step(pid, cuda.Checkpointed, cuda.Locked)
}

func (s scriptedCUDA) Unlock(_ context.Context, pid int) error {
	return s.step(pid, cuda.Locked, cuda.Running)
}

func (s scriptedCUDA) State(_ context.Context, pid int) (cuda.State, error) {
	state, ok := s[pid]
	if !ok {
		return 0, fmt.Errorf("process %d has no CUDA: %w", pid, errdefs.ErrNotFound)
	}
	return state, nil
}

// TestOnlyHoldersOfDeviceMemoryAreTouched freezes and thaws four processes, two of which use CUDA.
func TestOnlyHoldersOfDeviceMemoryAreTouched(t *testing.T) {
	s := scriptedCUDA{2: cuda.Running, 4: cuda.Running}
	d := deviceMemory{phases: s}
	for _, step := range []struct {
		do   func(context.Context, []int) error
		want cuda.State
	}{{d.Freeze, cuda.Checkpointed}, {d.Freeze, cuda.Checkpointed}, {d.Thaw, cuda.Running}, {d.Thaw, cuda.Running}} {
		if err := step.do(t.Context(), []int{1, 2, 3, 4}); err != nil {
			t.Fatal(err)
		}
		if want := (scriptedCUDA{2: step.want, 4: step.want}); !maps.Equal(s, want) {
			t.Errorf("%v, not %v", s, want)
		}
	}
}

// TestWhatCannotBeFrozenIsLeftAlone: one process of four is in a state that no checkpoint helps.
func TestWhatCannotBeFrozenIsLeftAlone(t *testing.T) {
	for _, bad := range []cuda.State{cuda.Locked, cuda.Failed} {
		s := scriptedCUDA{2: cuda.Running, 4: bad}
		if err := (deviceMemory{phases: s}).Freeze(t.Context(), []int{1, 2, 3, 4}); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "process 4") {
			t.Errorf("%s: %v", bad, err)
		}
		if want := (scriptedCUDA{2: cuda.Running, 4: bad}); !maps.Equal(s, want) {
			t.Errorf("%s: %v", bad, s)
		}
	}
	s := scriptedCUDA{2: cuda.Checkpointed, 4: cuda.Locked}
	if err := (deviceMemory{phases: s}).Thaw(t.Context(), []int{2, 4}); err != nil || s[2] != cuda.Running || s[4] != cuda.Running {
		t.Errorf("one that is still locked: %v, %v", s, err)
	}
	s = scriptedCUDA{2: cuda.Checkpointed, 4: cuda.Failed}
	if err := (deviceMemory{phases: s}).Thaw(t.Context(), []int{2, 4}); !errdefs.IsFailedPrecondition(err) || s[2] != cuda.Checkpointed {
		t.Errorf("one that failed: %v, %v", s, err)
	}
}

// TestWhatAnInstanceHoldsOnGPUs sums over its processes and all GPUs, and leaves others' out.
func TestWhatAnInstanceHoldsOnGPUs(t *testing.T) {
	d := deviceMemory{held: func() map[int]placement.Demand {
		return map[int]placement.Demand{2: {"gpu0": 5, "gpu1": 7}, 4: {"gpu0": 11}, 9: {"gpu0": 100}}
	}}
	if got := d.Holds([]int{1, 2, 4}); got != 23 {
		t.Errorf("%d bytes", got)
	}
}
