package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// ErrGone says that an instance was asked for something after it had ended.
var ErrGone = fmt.Errorf("the instance has ended: %w", errdefs.ErrUnavailable)

var errExited = fmt.Errorf("it exited: %w", errdefs.ErrUnavailable)

// NotDelivered wraps an error of an event that the function never saw: another instance may have it.
type NotDelivered struct{ Err error }

func (e *NotDelivered) Error() string { return e.Err.Error() }

// Unwrap gives the error.
func (e *NotDelivered) Unwrap() error { return e.Err }

// StartError is an instance that did not become ready. Its class is Unavailable.
type StartError struct {
	Function, Instance string
	Exit               *Exit  // nil: it had not ended
	Body               []byte // what the function posted to init/error, nil if nothing
	Tail               string // its last log lines
	Err                error
}

func (e *StartError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "function %s did not start: %v", e.Function, e.Err)
	if e.Exit != nil && e.Exit.OOMKilled {
		b.WriteString(" (killed for memory: raise limits.memory)")
	}
	if len(e.Body) > 0 {
		fmt.Fprintf(&b, "; it reported: %s", spec.InitReport{Body: e.Body}.Message())
	}
	if e.Tail == "" {
		b.WriteString("; it logged nothing")
	} else {
		b.WriteString("; its last log lines:\n" + e.Tail)
	}
	return b.String()
}

var _ spec.InitError = (*StartError)(nil)

// Report implements spec.InitError: a function that ended, took too long or could not be run is to blame for it.
func (e *StartError) Report(requestID string) (spec.InitReport, bool) {
	var f *client.Failure
	told := errors.As(e.Err, &f) && f.Class == wire.ClassInit
	if !told && e.Exit == nil {
		return spec.InitReport{}, false
	}
	r := spec.InitReport{ErrorType: "Runtime.ExitError", Body: e.Body, Log: []byte(e.Tail)}
	if told && f.Late {
		r.ErrorType = "Sandbox.Timedout"
	} else if told && f.NoCommand {
		r.ErrorType = "Runtime.InvalidEntrypoint"
	}
	var own struct{ ErrorType string }
	if json.Unmarshal(e.Body, &own) == nil && own.ErrorType != "" {
		r.ErrorType = own.ErrorType
		return r, true
	}
	r.Body, _ = json.Marshal(map[string]string{ // of strings: cannot fail
		"errorType": r.ErrorType, "errorMessage": fmt.Sprintf("RequestId: %s Error: %s", requestID, e),
	})
	return r, true
}

// Unwrap gives the class.
func (e *StartError) Unwrap() []error { return []error{errdefs.ErrUnavailable, e.Err} }

// startError gathers what is known of a failed start. A caller's own cancellation stays what it is.
func (i *Instance) startError(err error) error {
	if errors.Is(err, context.Canceled) && !errors.Is(err, errdefs.ErrUnavailable) {
		return err
	}
	e := &StartError{Function: i.cfg.Function.Name, Instance: i.cfg.ID, Err: err, Tail: tail(i.cfg.Log, 10)}
	var f *client.Failure
	if errors.As(err, &f) {
		e.Body = f.Body
		if e.Tail == "" {
			e.Tail = strings.TrimSpace(string(f.LogTail))
		}
	}
	e.Exit = i.exit(500 * time.Millisecond)
	if e.Exit != nil && errors.Is(err, errExited) {
		e.Err = fmt.Errorf("it exited with status %d before it asked for an event", e.Exit.Code)
	}
	return e
}

// exit waits a moment for the end of the processes, since that explains most failures.
func (i *Instance) exit(wait time.Duration) *Exit {
	select {
	case <-i.box.Exited():
		e := i.box.Exit()
		return &e
	case <-time.After(wait):
		return nil
	}
}

// tail gives the last lines of a file, "" if there are none.
func tail(path string, lines int) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 4 << 10
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, end-most), io.SeekStart)
	}
	text, _ := io.ReadAll(io.LimitReader(f, most))
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
