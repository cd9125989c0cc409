package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// Failure is an exchange without an answer. errors.Is finds its class: errdefs.ErrFailedPrecondition for "init",
// context.DeadlineExceeded for "timeout", context.Canceled for "cancelled", errdefs.ErrResourceExhausted for "busy",
// errdefs.ErrOutOfRange for "too-large", errdefs.ErrUnavailable for the rest.
type Failure struct {
	wire.FailHead
	Replace bool // the instance is of no further use: stop it and start another
}

func (f *Failure) Error() string { return f.Message }

// Unwrap gives the class.
func (f *Failure) Unwrap() error {
	switch f.Class {
	case wire.ClassInit:
		return errdefs.ErrFailedPrecondition
	case wire.ClassTimeout:
		return context.DeadlineExceeded
	case wire.ClassCancelled:
		return context.Canceled
	case wire.ClassBusy:
		return errdefs.ErrResourceExhausted
	case wire.ClassTooLarge:
		return errdefs.ErrOutOfRange
	}
	return errdefs.ErrUnavailable
}

// Replace says whether an error of this package means that the instance must be replaced.
func Replace(err error) bool {
	var f *Failure
	return err != nil && (!errors.As(err, &f) || f.Replace)
}

func failed(b []byte) *Failure {
	f := &Failure{Replace: true}
	if err := json.Unmarshal(b, &f.FailHead); err != nil {
		return broken(fmt.Errorf("init sent a failure that is not JSON: %w", err))
	}
	f.Replace = f.Class != wire.ClassBusy && f.Class != wire.ClassTooLarge
	return f
}

// broken is an exchange that the transport or the other side's bytes ended.
func broken(err error) *Failure {
	return &Failure{
		FailHead: wire.FailHead{
			Class: wire.ClassProtocol, Message: "the instance broke off the exchange: " + err.Error(), Unseen: unread(err),
		},
		Replace: true,
	}
}

// unread says whether an end of the connection shows that init had not read all that was sent, and so gave nothing to
// the function: Linux resets a unix socket whose other side closes with unread bytes, or before it was accepted, and
// ends one that was read up.
func unread(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func cancelled(replace bool) *Failure {
	return &Failure{
		FailHead: wire.FailHead{Class: wire.ClassCancelled, Message: "the invocation was cancelled"},
		Replace:  replace,
	}
}
