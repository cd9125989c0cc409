package cuda

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
)

// Result is a CUresult; 0 is success.
type Result int

// Results that Error gives a class.
const (
	invalidValue    Result = 1
	outOfMemory     Result = 2
	notInitialized  Result = 3
	stubLibrary     Result = 34
	noDevice        Result = 100
	illegalState    Result = 401
	notReady        Result = 600
	notPermitted    Result = 800
	notSupported    Result = 801
	processNotFound Result = -3 // no CUresult: what the tool prints for a process without CUDA
)

// classes of the results that say something about the caller or the machine; the rest are Internal.
var classes = map[Result]error{
	invalidValue: errdefs.ErrInvalidArgument, outOfMemory: errdefs.ErrResourceExhausted, notInitialized: errdefs.ErrNotFound,
	stubLibrary: errdefs.ErrUnavailable, noDevice: errdefs.ErrUnavailable, illegalState: errdefs.ErrFailedPrecondition,
	notReady: context.DeadlineExceeded, notPermitted: errdefs.ErrPermissionDenied, notSupported: errdefs.ErrNotImplemented,
	processNotFound: errdefs.ErrNotFound,
}

// Error is a driver call that failed.
type Error struct {
	Call   string // cuCheckpointProcessLock, or the tool's action
	PID    int    // 0: of no process
	Result Result
	Name   string // CUDA_ERROR_NOT_SUPPORTED
	Detail string // what the tool said, if it was the tool
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s (%d)", e.Call, e.Name, e.Result)
	if e.PID != 0 {
		s = fmt.Sprintf("%s of process %d: %s (%d)", e.Call, e.PID, e.Name, e.Result)
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap gives the class: NotImplemented where the driver cannot do it on this machine, ResourceExhausted where host
// memory (checkpoint) or device memory (restore) does not suffice, DeadlineExceeded where work did not end in time.
func (e *Error) Unwrap() error {
	if c, known := classes[e.Result]; known {
		return c
	}
	return errdefs.ErrInternal
}

// AbsentError is a machine on which no driver library can be loaded.
type AbsentError struct {
	Library string
	Reason  string // the loader's words
}

func (e *AbsentError) Error() string {
	return fmt.Sprintf("no CUDA driver: %s: %s", e.Library, e.Reason)
}

// Unwrap gives the class.
func (e *AbsentError) Unwrap() error { return errdefs.ErrUnavailable }

// MissingError is a driver that is too old to have a call.
type MissingError struct{ Symbol string }

func (e *MissingError) Error() string {
	return "the CUDA driver has no " + e.Symbol + ": it came with driver 570"
}

// Unwrap gives the class.
func (e *MissingError) Unwrap() error { return errdefs.ErrNotImplemented }
