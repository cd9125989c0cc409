package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// problem is RFC 9457's document; message repeats detail for clients of the other APIs.
type problem struct {
	Type     string       `json:"type" doc:"A name for the kind of problem, stable"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail" doc:"What to do about it, in a sentence or two"`
	Instance string       `json:"instance,omitempty" doc:"The path asked for"`
	Message  string       `json:"message"`
	Job      string       `json:"job,omitempty" doc:"The job that waits although the request failed"`
	Errors   []fieldError `json:"errors,omitempty" doc:"Every field that is wrong"`
}

type fieldError struct {
	Pointer string   `json:"pointer" doc:"JSON pointer into the body, as a fragment"`
	Detail  string   `json:"detail"`
	Minimum *float64 `json:"minimum,omitempty"`
	Maximum *float64 `json:"maximum,omitempty"`
}

// httpError is an error with a status of its own.
type httpError struct {
	status int
	kind   string
	err    error
	job    string
}

func (e *httpError) Error() string { return e.err.Error() }
func (e *httpError) Unwrap() error { return e.err }

func unknownJob(id string) error {
	if len(id) > 64 {
		id = id[:64] + "…"
	}
	return fmt.Errorf("there is no job %q: GET /v1/jobs lists those there are: %w", id, errdefs.ErrNotFound)
}

var kinds = map[int]string{
	400: "invalid-request", 403: "cross-origin", 404: "not-found", 405: "method-not-allowed", 408: "body-too-slow", 409: "conflict", 413: "body-too-large", 415: "unsupported-media-type",
	422: "idempotency-key-reused", 429: "too-many", 499: "client-closed", 500: "internal", 503: "unavailable", 504: "timeout", 507: "disk-full",
}

// explain maps an error to its problem. What gateway.Explain says holds, but for the classes that mean something else to
// jobs: a state that does not allow it is 409, a full disk 507, a key with another request 422.
func explain(err error) (problem, time.Duration) {
	g := gateway.Explain(err)
	status, job := g.Status, ""
	var own *httpError
	switch {
	case errors.As(err, &own):
		status, job = own.status, own.job
	case errors.Is(err, jobs.ErrDiskFull):
		status = http.StatusInsufficientStorage
	case errors.Is(err, jobs.ErrKeyReused):
		status = http.StatusUnprocessableEntity
	case errdefs.IsFailedPrecondition(err):
		status = http.StatusConflict
	}
	p := problem{Status: status, Detail: plain(err), Title: http.StatusText(status), Job: job}
	if own != nil && own.kind != "" {
		p.Type = "/problems/" + own.kind
	} else {
		p.Type = "/problems/" + kinds[status]
	}
	if status == gateway.StatusClientClosed {
		p.Title = "Client Closed Request"
	}
	var bad *jobs.InvalidError
	if errors.As(err, &bad) {
		p.Errors, p.Title = fieldErrors(bad), "The request is not valid"
		p.Detail = bad.Error()
	}
	p.Message = p.Detail
	return p, g.RetryAfter
}

// plain is an error's text without the name of its class at the end, which the status says already.
func plain(err error) string {
	text := err.Error()
	for _, class := range []error{errdefs.ErrNotFound, errdefs.ErrInvalidArgument, errdefs.ErrFailedPrecondition, errdefs.ErrResourceExhausted,
		errdefs.ErrOutOfRange, errdefs.ErrConflict, errdefs.ErrUnavailable} {
		text = strings.TrimSuffix(text, ": "+class.Error())
	}
	return text
}

func fieldErrors(e *jobs.InvalidError) []fieldError {
	out := make([]fieldError, len(e.Fields))
	for i, f := range e.Fields {
		out[i] = fieldError{Pointer: "#/" + f.Field, Detail: f.Detail, Minimum: f.Min, Maximum: f.Max}
		if f.Field == "" {
			out[i].Pointer = "#"
		}
	}
	return out
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	p, after := explain(err)
	if p.Status == gateway.StatusClientClosed {
		return // nobody is left to read it
	}
	if p.Status >= 500 && p.Status != http.StatusInsufficientStorage {
		a.o.Log.ErrorContext(r.Context(), "a REST request failed", "path", r.URL.Path, "error", err)
	}
	p.Instance = r.URL.Path
	h := w.Header()
	if after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	b, err := json.Marshal(p)
	if err != nil {
		http.Error(w, "the problem could not be encoded", http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	w.Write(b) //nolint:errcheck // the client has gone: nothing is left to tell it
}
