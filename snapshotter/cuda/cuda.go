// Package cuda freezes and thaws the device memory of a running process: the driver's checkpoint calls copy it to host
// memory and let the device go, and bring it back. What is in host memory is CRIU's part; the two meet in the instance's
// snapshot. The calls come from the driver library itself, loaded at run time, or from NVIDIA's cuda-checkpoint tool: a
// machine without a driver builds and runs this package and is told so by Probe.
package cuda

import (
	"context"
	"fmt"
)

// State is where a CUDA process stands.
type State int

// The states of CUprocessState.
const (
	Running      State = iota
	Locked             // CUDA calls of the process block; device memory is in place
	Checkpointed       // device memory is in host memory; no device is held
	Failed             // a checkpoint or restore went wrong and the process cannot go on
)

func (s State) String() string {
	if names := [...]string{"running", "locked", "checkpointed", "failed"}; s >= 0 && int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("state %d", int(s))
}

// Phases are the four steps of one process and its state. Each error is an *Error, its class one of errdefs.
//
//	running ──Lock──▶ locked ──Checkpoint──▶ checkpointed ──Restore──▶ locked ──Unlock──▶ running
//
// A step out of order fails with FailedPrecondition and changes nothing. A failed Checkpoint may leave the process Failed,
// which State tells; nothing helps such a process. A failed Restore leaves it checkpointed. Lock waits for work under way
// until ctx's deadline, or LockTimeout; the other steps take as long as the bytes do and do not look at ctx once begun.
// The caller needs the right to ptrace the process. Safe for concurrent use on different processes.
type Phases interface {
	Lock(ctx context.Context, pid int) error
	Checkpoint(ctx context.Context, pid int) error
	Restore(ctx context.Context, pid int) error
	Unlock(ctx context.Context, pid int) error
	// State fails with NotFound for a process that has not initialised CUDA.
	State(ctx context.Context, pid int) (State, error)
}
