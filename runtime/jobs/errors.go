package jobs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// ErrDiskFull says that a result or a record does not fit; the job in question waits.
var ErrDiskFull = fmt.Errorf("the disk is full: free some space or lower the retention: %w", errdefs.ErrResourceExhausted)

// Causes that end a running attempt.
var (
	errCancelled = errors.New("cancelled by request")
	errLost      = errors.New("another node has taken the job over")
	errStopping  = errors.New("this node is stopping")
	errDeadline  = errors.New("the job's deadline has passed")
)

// FieldError says what is wrong with one field and what would do. Bounds are nil where there is none.
type FieldError struct {
	Field  string   // JSON name; "" is the whole body
	Detail string   // one sentence
	Min    *float64 // inclusive
	Max    *float64
}

// InvalidError lists everything that is wrong with a request.
type InvalidError struct {
	Fields []FieldError
}

func (e *InvalidError) Error() string {
	all := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		all[i] = f.Detail
	}
	return strings.Join(all, " ")
}

func (e *InvalidError) Unwrap() error { return errdefs.ErrInvalidArgument }

func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, ErrDiskFull)
}

func notFound(id string) error {
	return fmt.Errorf("there is no job %q: list jobs to see which there are: %w", id, errdefs.ErrNotFound)
}
