package snapshotter

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// MismatchError is a snapshot that was made on another machine, or by another version of what made it.
type MismatchError struct{ Field, Have, Want string }

func (e *MismatchError) Error() string {
	return fmt.Sprintf("the snapshot was made with %s %q, this machine has %q", e.Field, e.Want, e.Have)
}

// Unwrap gives the class.
func (e *MismatchError) Unwrap() error { return errdefs.ErrFailedPrecondition }

// DamageError is a file of a snapshot that is not what was written.
type DamageError struct{ File, Expected, Found string }

func (e *DamageError) Error() string {
	return fmt.Sprintf("snapshot file %s: expected %s, found %s", e.File, e.Expected, e.Found)
}

// Unwrap gives the class.
func (e *DamageError) Unwrap() error { return errdefs.ErrDataLoss }
