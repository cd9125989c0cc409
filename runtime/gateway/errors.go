package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/sentence"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// StatusClientClosed is nginx's status for a client that went away; it is only ever logged.
const StatusClientClosed = 499

// Problem is an error as the outside sees it.
type Problem struct {
	Status     int
	Type       string // Lambda's exception name
	Message    string
	Reason     string        // Lambda's word for the limit behind a TooManyRequestsException; "" for other types
	RetryAfter time.Duration // 0: none given
}

// Typed is an error that names its own place in Lambda's vocabulary, where the class alone would be too coarse.
type Typed struct {
	Status int
	Type   string
	Err    error
}

func (e *Typed) Error() string { return e.Err.Error() }
func (e *Typed) Unwrap() error { return e.Err }

// HTTPStatus is for those who know nothing of the gateway.
func (e *Typed) HTTPStatus() int { return e.Status }

// Unprocessable refuses an event whose form is right and which asks for what cannot be: 422, where InvalidArgument alone is 400.
func Unprocessable(err error) error {
	return &Typed{Status: http.StatusUnprocessableEntity, Type: "InvalidParameterValueException", Err: err}
}

// classes is the one map from error class to status and Lambda exception; the first match wins.
var classes = []struct {
	is     func(error) bool
	status int
	kind   string
}{
	{isFull, http.StatusInsufficientStorage, "ServiceException"},
	{errdefs.IsNotFound, http.StatusNotFound, "ResourceNotFoundException"},
	{errdefs.IsInvalidArgument, http.StatusBadRequest, "InvalidParameterValueException"},
	{errdefs.IsAlreadyExists, http.StatusConflict, "ResourceConflictException"},
	{errdefs.IsConflict, http.StatusConflict, "ResourceConflictException"},
	{errdefs.IsFailedPrecondition, http.StatusPreconditionFailed, "PreconditionFailedException"},
	{errdefs.IsOutOfRange, http.StatusRequestEntityTooLarge, "RequestTooLargeException"},
	{errdefs.IsUnauthorized, http.StatusForbidden, "UnrecognizedClientException"},
	{errdefs.IsPermissionDenied, http.StatusForbidden, "AccessDeniedException"},
	{errdefs.IsNotImplemented, http.StatusNotImplemented, "InvalidRequestContentException"},
	{isTooLarge, http.StatusRequestEntityTooLarge, "RequestTooLargeException"},
	{isSlowBody, http.StatusRequestTimeout, "RequestTimeoutException"},
	{errdefs.IsDeadlineExceeded, http.StatusGatewayTimeout, "ServiceException"},
	{errdefs.IsCanceled, StatusClientClosed, "ServiceException"},
	{errdefs.IsResourceExhausted, http.StatusTooManyRequests, "TooManyRequestsException"},
	{errdefs.IsUnavailable, http.StatusServiceUnavailable, "ServiceException"},
}

// errSlowBody marks a request body that did not arrive in time.
var errSlowBody = errors.New("the request body did not arrive in time")

// isFull says whether a disk of the server's has no more room.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

func isSlowBody(err error) bool { return errors.Is(err, errSlowBody) }

func isTooLarge(err error) bool {
	var max *http.MaxBytesError
	return errors.As(err, &max)
}

// notSoon is when to ask again for what cannot be had as things are: a manifest, or the machine, has to change first.
const notSoon = time.Hour

// Explain maps an error to what the outside sees. What has no class is the server's fault: 500.
func Explain(err error) Problem {
	p := Problem{Status: http.StatusInternalServerError, Type: "ServiceException", Message: Sentence(err)}
	var typed *Typed
	if errors.As(err, &typed) {
		p.Status, p.Type = typed.Status, typed.Type
	} else {
		for _, c := range classes {
			if c.is(err) {
				p.Status, p.Type = c.status, c.kind
				break
			}
		}
	}
	if r, ok := InitFailure(err, ""); ok {
		p.Status, p.Type = FunctionStatus(r.ErrorType), r.ErrorType
	}
	var image *spec.ImageError
	if errors.As(err, &image) { // the function is there: what AWS says of one whose state is Failed
		p.Status, p.Type = http.StatusConflict, "ResourceConflictException"
	}
	throttled := p.Status == http.StatusTooManyRequests
	var retry *spec.RetryError
	if errors.As(err, &retry) {
		if p.RetryAfter = retry.After; p.RetryAfter == 0 && retry.Reason != spec.OverReserved { // a reservation may change at any time
			p.RetryAfter = notSoon
		}
	} else if throttled {
		p.RetryAfter = time.Second
	}
	if throttled {
		p.Reason = "ConcurrentInvocationLimitExceeded"
		if retry != nil && retry.Reason != "" {
			p.Reason = retry.Reason
		}
	}
	return p
}

// InitFailure gives what an error says of a function that did not become ready by its own fault.
func InitFailure(err error, requestID string) (spec.InitReport, bool) {
	return spec.InitFailure(err, requestID)
}

// Sentence is sentence.Of: an error's text for a person.
func Sentence(err error) string { return sentence.Of(err) }

// FunctionStatus is the status a function URL answers with for a function that failed by itself.
func FunctionStatus(errorType string) int {
	if errorType == "Sandbox.Timedout" {
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// WriteError answers with err in Lambda's JSON shape and headers.
func WriteError(w http.ResponseWriter, err error) {
	BreakOff(err)
	WriteProblem(w, Explain(err))
}

// BreakOff drops the connection where a handler's error is http.ErrAbortHandler: the head is out, and an end that looks orderly
// would be a lie. Handlers return that error, and only who writes errors panics: while a panic unwinds frames that hold large
// values, Go 1.26 finds in them what its collector has freed, and ends the process ("found pointer to free object").
func BreakOff(err error) {
	if errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
}

// WriteProblem answers with p. "Type" is what SDKs show: "User" below 500, else "Service".
func WriteProblem(w http.ResponseWriter, p Problem) {
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
	w.Header().Set("X-Amzn-Errortype", p.Type)
	who := "User"
	if p.Status >= 500 {
		who = "Service"
	}
	WriteJSON(w, p.Status, struct {
		Type    string `json:"Type"`
		Message string `json:"Message"`
		Lower   string `json:"message"` // some SDKs read only this one
		Reason  string `json:"Reason,omitempty"`
	}{who, p.Message, p.Message, p.Reason})
}

// WriteJSON answers with v. A failing write means that the client has gone: nothing is left to tell it.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the answer could not be encoded", http.StatusInternalServerError)
		return
	}
	w.Header()["Content-Type"] = jsonType
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	w.Write(b)
}

var jsonType = []string{"application/json"}

// bodyError turns what reading a body gave into an error with a class.
func bodyError(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlowBody
	case isTooLarge(err), errors.Is(err, context.Canceled):
		return err
	}
	return errors.Join(errdefs.ErrInvalidArgument.WithMessage("the request body could not be read: "+err.Error()), err)
}
