package instance

import (
	"fmt"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// transitions is the state chart: from each state, the states that may follow. Idle and busy change with every event and
// are the gate's count, not steps of the owner's.
var transitions = map[spec.State][]spec.State{
	spec.Absent:    {spec.Staged, spec.Restoring, spec.Stopped},
	spec.Staged:    {spec.Starting, spec.Stopped},
	spec.Starting:  {spec.Idle, spec.Stopped},
	spec.Restoring: {spec.Idle, spec.Stopped},
	spec.Idle:      {spec.Busy, spec.Draining, spec.Stopped},
	spec.Busy:      {spec.Idle, spec.Draining, spec.Stopped},
	spec.Draining:  {spec.Stopped},
	spec.Stopped:   {},
}

// TransitionError is a step that the state chart does not have. Its class is FailedPrecondition.
type TransitionError struct {
	ID       string
	From, To spec.State
}

func (e *TransitionError) Error() string {
	return fmt.Sprintf("instance %s cannot go from %s to %s", e.ID, e.From, e.To)
}

// Unwrap gives the class.
func (e *TransitionError) Unwrap() error { return errdefs.ErrFailedPrecondition }

// may says whether the chart has the step.
func may(from, to spec.State) bool { return slices.Contains(transitions[from], to) }
