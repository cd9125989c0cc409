package handler

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/media"
	"github.com/videosdgx/videosdgx/internal/sentence"
)

// FieldError is one thing that is wrong with a request.
type FieldError struct {
	Field  string `json:"field"`           // JSON name; "" is the whole body
	Value  any    `json:"value,omitempty"` // what was sent
	Detail string `json:"detail"`          // one sentence, with the values that would do
}

// InvalidError lists everything that is wrong with a request.
type InvalidError struct{ Fields []FieldError }

func (e *InvalidError) Error() string {
	said := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		said[i] = f.Detail
	}
	return strings.Join(said, " ")
}

func (e *InvalidError) Unwrap() error { return errdefs.ErrInvalidArgument }

// MalformedError says that a body is no request at all: no JSON object, or not Unicode.
type MalformedError struct{ reason error }

func (e *MalformedError) Error() string {
	return e.reason.Error() + ` Send JSON such as {"prompt":"…"}.`
}

func (e *MalformedError) Unwrap() error { return errdefs.ErrInvalidArgument }

// wrongs gathers what is wrong with a request.
type wrongs struct{ fields []FieldError }

func (w *wrongs) add(field, format string, args ...any) {
	w.fields = append(w.fields, FieldError{Field: field, Detail: fmt.Sprintf(format, args...)})
}

// blames says whether something is wrong with the field already.
func (w *wrongs) blames(field string) bool {
	return slices.ContainsFunc(w.fields, func(e FieldError) bool { return e.Field == field })
}

func (w *wrongs) err() error {
	if len(w.fields) == 0 {
		return nil
	}
	return &InvalidError{Fields: w.fields}
}

// Problem is an error as the caller sees it (RFC 9457), for function URLs.
type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Errors []FieldError `json:"errors,omitempty"`
}

// kinds maps what went wrong to the error type of a plain event and the status of a URL event.
var kinds = []struct {
	is     func(error) bool
	name   string
	title  string
	status int
}{
	{func(err error) bool { var m *MalformedError; return errors.As(err, &m) }, "InvalidRequest", "The body is no request", http.StatusBadRequest},
	{errdefs.IsInvalidArgument, "InvalidRequest", "The request cannot be done as it is", http.StatusUnprocessableEntity},
	{func(err error) bool { return errors.Is(err, ErrCancelled) }, "Cancelled", "The request was cancelled", 499},
	{errdefs.IsDeadlineExceeded, "Timeout", "The time for the request is over", http.StatusGatewayTimeout},
	{func(err error) bool { return errors.Is(err, media.ErrDiskFull) }, "DiskFull", "No space left for the clip", http.StatusInsufficientStorage},
	{errdefs.IsPermissionDenied, "Refused", "The model may not be used", http.StatusForbidden},
	{errdefs.IsDataLoss, "DamagedModel", "The model's files are damaged", http.StatusInternalServerError},
	{func(err error) bool { return errdefs.IsFailedPrecondition(err) || errdefs.IsNotFound(err) }, "MissingPart", "Something that the function needs is missing", http.StatusServiceUnavailable},
	{func(error) bool { return true }, "GenerationFailed", "The clip could not be made", http.StatusInternalServerError},
}

func problem(err error) (p Problem, name string) {
	p.Type, p.Detail = "about:blank", sentence.Of(err)
	var invalid *InvalidError
	if errors.As(err, &invalid) {
		p.Errors = invalid.Fields
	}
	for _, k := range kinds {
		if k.is(err) {
			p.Title, p.Status, name = k.title, k.status, k.name
			return p, name
		}
	}
	return p, name
}

// plain is the error of a plain event: errorType and errorMessage as Lambda has them.
func plain(err error) error {
	p, name := problem(err)
	return messages.InvokeResponse_Error{Type: name, Message: p.Detail}
}

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		return []byte(`{"title":"the answer cannot be written"}`)
	}
	return raw
}
