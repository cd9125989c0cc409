package instance

import (
	"fmt"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Postures of an idle instance that only its owner tells apart; everybody else sees it idle.
const (
	freezing      spec.State = "freezing"
	frozen        spec.State = "frozen"
	thawing       spec.State = "thawing"
	checkpointing spec.State = "checkpointing"
)

// transitions is the state chart: from each state, the states that may follow. Processes may end at any time, so that
// every state has the step to stopped. Busy is none of them: whether events are in flight is known to who gives them, and
// counted there once.
var transitions = map[spec.State][]spec.State{
	spec.Absent:    {spec.Staged, spec.Restoring, spec.Stopped},
	spec.Staged:    {spec.Starting, spec.Stopped},
	spec.Starting:  {spec.Idle, spec.Stopped},
	spec.Restoring: {spec.Idle, spec.Stopped},
	spec.Idle:      {freezing, checkpointing, spec.Draining, spec.Stopped},
	freezing:       {frozen, spec.Idle, spec.Stopped},
	frozen:         {thawing, spec.Draining, spec.Stopped},
	thawing:        {spec.Idle, frozen, spec.Stopped},
	checkpointing:  {spec.Idle, spec.Draining, spec.Stopped},
	spec.Draining:  {spec.Stopped},
	spec.Stopped:   {},
}

// seen is a state as others see it.
func seen(s spec.State) spec.State {
	switch s {
	case freezing, frozen, thawing, checkpointing:
		return spec.Idle
	}
	return s
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
