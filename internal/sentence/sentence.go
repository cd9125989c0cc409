// Package sentence gives errors the words that a person reads: one leaf for the gateway, jobs, events and functions.
package sentence

import (
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
)

// classes are the errdefs classes, whose words wrapping one with %w leaves at an error's end.
var classes = []error{
	errdefs.ErrNotFound, errdefs.ErrInvalidArgument, errdefs.ErrAlreadyExists, errdefs.ErrConflict, errdefs.ErrFailedPrecondition,
	errdefs.ErrOutOfRange, errdefs.ErrUnauthenticated, errdefs.ErrPermissionDenied, errdefs.ErrNotImplemented, errdefs.ErrResourceExhausted,
	errdefs.ErrUnavailable, errdefs.ErrInternal, errdefs.ErrDataLoss,
}

// Of gives an error's text for a person: the class at its end says nothing that the status, or the kind of a job's problem,
// does not. Words that only look like a class stay.
func Of(err error) string {
	text := err.Error()
	for _, c := range classes {
		if !errors.Is(err, c) {
			continue
		}
		for _, form := range []string{": %s", " (%s)"} {
			if s, ok := strings.CutSuffix(text, fmt.Sprintf(form, c)); ok {
				return s
			}
		}
	}
	return text
}
