package spec

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// Invocation is one event on its way to a function.
type Invocation struct {
	ID            string    // AWS request id, a UUID; made by whoever accepts the event
	Function      string    // name
	Qualifier     string    // version, alias or "" for $LATEST
	Version       string    // the version that Qualifier has been resolved to already; "": not yet
	Payload       []byte    // the whole event; not changed by anybody
	Files         []File    // laid read-only beside the event, for as long as the invocation runs
	Deadline      time.Time // zero: the function's timeout from when it gets the event
	TraceID       string
	ClientContext string         // raw JSON, as Lambda passes it
	Identity      string         // Cognito identity JSON
	Tail          bool           // the last 4 KiB of what the function logged are wanted in Trailer.LogTail
	OnProgress    func(Progress) // nil: not wanted; called in order from one goroutine, must not block for long
	// OnStart hears how an instance comes up that the event has to wait for. nil: not wanted; called in order from the
	// goroutine that invokes, before OnProgress, and must not block for long.
	OnStart func(StartStep)
}

// File is one that an event names: the function finds it as $VIDEOSDGX_FILES/NAME.
type File struct {
	Name string // one element of a path
	Path string // on this machine; not changed while the invocation runs
}

// Progress is what a running function says of itself through the Runtime API's progress extension.
type Progress struct {
	Phase   string  `json:"phase"`             // "encode", "denoise", "decode", "mux", or the function's own word
	Step    int     `json:"step"`              // 1…Steps
	Steps   int     `json:"steps"`             // 0: unknown
	Seconds float64 `json:"seconds,omitempty"` // since the function got the event
	Preview []byte  `json:"preview,omitempty"` // a small JPEG or PNG frame, when asked for
	Message string  `json:"message,omitempty"`
	Engine  string  `json:"engine,omitempty"` // that runs the model: "TensorRT 10.14.1"
	Done    int64   `json:"done_bytes,omitempty"`
	Total   int64   `json:"total_bytes,omitempty"` // 0: unknown, or it is not bytes that take the time
}

// Result is a function's answer. Body must be read to its end and closed; Trailer is valid after that.
type Result struct {
	Version       string // which version answered
	ContentType   string
	Streaming     bool   // the function streams: head before body, body may be long; never guessed from how fast it is sent
	FunctionError string // "", "Handled" (the function said so) or "Unhandled" (it died or timed out); a streamed one only in Trailer
	Body          io.ReadCloser
	Trailer       func() Trailer
	Phases        Phases // complete but for Run, which Trailer has
}

// Trailer is what is known once the body has ended.
type Trailer struct {
	FunctionError string
	ErrorType     string
	ErrorBody     []byte // JSON: errorType, errorMessage, stackTrace
	LogTail       []byte // at most 4 KiB
	Run           time.Duration
	MaxMemory     Bytes
}

// Phases says where the time before the first byte went; zero parts did not happen.
type Phases struct {
	Queue, Evict, Create, Start, Restore, Init, Run time.Duration
	Cold                                            bool
	Snapshot                                        bool
}

// Invoker answers invocations. Safe for concurrent use. It blocks until the head of the answer is there; cancelling ctx
// cancels the invocation in the function, also while the body is being read. An error means that the function gave no
// answer at all; its class (containerd/errdefs) says why: NotFound, InvalidArgument, ResourceExhausted (with *RetryError),
// Unavailable, DeadlineExceeded, Canceled.
type Invoker interface {
	// Nobody looks at Payload any more when the result's body has been closed, or there is an error.
	Invoke(ctx context.Context, inv Invocation) (*Result, error)
}

// InitError is an error of a function that may have been started and did not become ready. Report gives what Lambda answers
// with, where that was the function's own fault: the error of a function that ran, not one of the service.
type InitError interface {
	error
	Report(requestID string) (InitReport, bool)
}

// InitFailure gives what an error says of a function that did not become ready by its own fault.
func InitFailure(err error, requestID string) (InitReport, bool) {
	var e InitError
	if !errors.As(err, &e) {
		return InitReport{}, false
	}
	return e.Report(requestID)
}

// InitReport is how a function failed to become ready.
type InitReport struct {
	ErrorType string
	Body      []byte // JSON: errorType, errorMessage; the function's own where it posted one
	Log       []byte // the last lines that it logged
}

// Final says whether the function has told that it cannot start as its manifest and its model are: another start would end the same
// way. A licence that is not accepted is such a reason.
func (r InitReport) Final() bool {
	return r.ErrorType == "Init.Refused" || r.ErrorType == "Init.InvalidRequest"
}

// Message is what the function said, or its whole report where that has another form than Lambda's.
func (r InitReport) Message() string {
	var said struct {
		ErrorMessage string `json:"errorMessage"`
	}
	if json.Unmarshal(r.Body, &said) == nil && said.ErrorMessage != "" {
		return said.ErrorMessage
	}
	return string(r.Body)
}

// RetryError says when it is worth asking again; zero After: never as things are.
type RetryError struct {
	After  time.Duration
	Reason string // Lambda's word for a limit that was met, such as OverReserved; "" for the machine's own
	Err    error
}

// OverReserved is the Reason when a function has all the invocations that it may have.
const OverReserved = "ReservedFunctionConcurrentInvocationLimitExceeded"

func (e *RetryError) Error() string { return e.Err.Error() }
func (e *RetryError) Unwrap() error { return e.Err }
