package rest

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

type (
	problem    = gateway.Details
	fieldError = gateway.FieldError
)

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
	p := gateway.Describe(status, g.Message)
	p.Job = job
	if own != nil && own.kind != "" {
		p.Type = "/problems/" + own.kind
	}
	var bad *jobs.InvalidError
	if errors.As(err, &bad) {
		p.Errors, p.Title = fieldErrors(bad), "The request is not valid"
		p.Detail = bad.Error()
	}
	p.Message = p.Detail
	return p, g.RetryAfter
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
	gateway.BreakOff(err)
	p, after := explain(err)
	if p.Status == gateway.StatusClientClosed {
		return // nobody is left to read it
	}
	if own := new(httpError); errors.As(err, &own) && own.kind == notYetKind {
		a.o.Log.DebugContext(r.Context(), "a stream was asked for before its first chunk", "job", own.job)
	} else if p.Status >= 500 && p.Status != http.StatusInsufficientStorage {
		a.o.Log.ErrorContext(r.Context(), "a REST request failed", "path", r.URL.Path, "error", err)
	}
	p.Write(w, r, after)
}
