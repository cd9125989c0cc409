package events

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/sentence"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/answer"
)

// Lambda's limits where a function says nothing.
const (
	defaultRetries = 2
	defaultMaxAge  = 6 * time.Hour
	maxBackoff     = 5 * time.Minute
)

// Conditions of a destination record, in Lambda's words.
const (
	succeeded = "Success"
	exhausted = "RetriesExhausted"
	tooOld    = "EventAgeExceeded"
)

// outcome is what an attempt came to.
type outcome struct {
	version   string
	failed    string // "", "Handled", "Unhandled"
	body      []byte
	cut       int64 // bytes of the whole answer where body is only its beginning
	refusal   error // the function gave no answer at all
	permanent bool  // and never will
}

// attempt invokes the function once and decides what comes next.
func (q *Queue) attempt(e Event) {
	fn, err := q.cfg.Functions.Get(q.base, e.Function, e.Qualifier)
	settings := fn.Async
	age := settings.MaxAge.D()
	if age == 0 {
		age = defaultMaxAge
	}
	if err == nil && time.Since(e.Accepted) > age {
		q.finish(e, settings, outcome{version: fn.Version}, tooOld)
		return
	}
	o := q.invoke(e)
	if q.base.Err() != nil {
		return // stopping: the event is in the store as it was
	}
	retries := defaultRetries
	if settings.Retries != nil {
		retries = *settings.Retries
	}
	switch {
	case o.refusal != nil && !o.permanent:
		e.Next = time.Now().Add(q.backoff(e.Throttled, o.refusal))
		e.Throttled++
		q.keep(e)
	case o.refusal != nil:
		q.finish(e, settings, o, exhausted)
	case o.failed == "":
		e.Calls++
		q.finish(e, settings, o, succeeded)
	default:
		e.Calls++
		e.Throttled = 0
		if e.Calls > retries {
			q.finish(e, settings, o, exhausted)
			return
		}
		e.Next = time.Now().Add(q.cfg.RetryBase << (e.Calls - 1))
		q.keep(e)
	}
}

// invoke does one attempt.
func (q *Queue) invoke(e Event) outcome {
	res, err := q.cfg.Invoker.Invoke(q.base, spec.Invocation{ID: e.ID, Function: e.Function, Qualifier: e.Qualifier, Payload: e.Payload,
		TraceID: e.TraceID, ClientContext: e.ClientContext})
	if r, failed := spec.InitFailure(err, e.ID); failed {
		return outcome{failed: "Unhandled", body: r.Body}
	}
	if err != nil {
		return q.refused(err)
	}
	var b beginning
	failed, err := answer.Collect(res, res.Body, &b, math.MaxInt64-1)
	o := outcome{version: res.Version, body: b.kept, cut: b.cut()}
	switch {
	case err != nil:
		o = outcome{version: res.Version, failed: "Unhandled", body: errorJSON("Runtime.Broken", err.Error())}
	case failed != nil:
		o.failed = cmp.Or(res.Trailer().FunctionError, res.FunctionError)
		if res.FunctionError == "" || len(b.kept) == 0 {
			o.body, o.cut = failed.Body, 0
		}
	}
	return o
}

// beginning keeps the first bytes of an answer, since a record is no place for a video; to stop reading would cancel the
// function.
type beginning struct {
	kept []byte
	size int64
}

func (b *beginning) Write(p []byte) (int, error) {
	b.kept = append(b.kept, p[:min(len(p), maxRecordPayload-len(b.kept))]...)
	b.size += int64(len(p))
	return len(p), nil
}

// ReadAt implements answer.Buffer.
func (b *beginning) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(b.kept).ReadAt(p, off)
}

// Size implements answer.Buffer: of what is kept.
func (b *beginning) Size() int64 { return int64(len(b.kept)) }

// cut says how much there was, 0 when all of it was kept.
func (b *beginning) cut() int64 {
	if b.size == int64(len(b.kept)) {
		return 0
	}
	return b.size
}

// refused sorts errors: what may pass is tried again until the event is too old, a deadline counts as the function's
// own failure, and what cannot change (no such function, a bad event, one that may never run) ends it.
func (q *Queue) refused(err error) outcome {
	var retry *spec.RetryError
	never := errors.As(err, &retry) && retry.After == 0
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return outcome{failed: "Unhandled", body: errorJSON("Sandbox.Timedout", err.Error())}
	case never, errdefs.IsNotFound(err), errdefs.IsInvalidArgument(err):
		return outcome{refusal: err, permanent: true, failed: "Unhandled", body: errorJSON(q.cfg.ErrorType(err), sentence.Of(err))}
	}
	return outcome{refusal: err}
}

func errorJSON(kind, message string) []byte {
	b, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	return b
}

// backoff doubles from BackoffBase to 5 minutes; a refusal that names a time is not asked earlier.
func (q *Queue) backoff(n int, refusal error) time.Duration {
	d := q.cfg.BackoffBase << min(n, 20)
	var retry *spec.RetryError
	if errors.As(refusal, &retry) {
		d = max(d, retry.After)
	}
	return min(d, maxBackoff)
}

// finish ends the function's part: the record goes to the destination for how it ended, if there is one.
func (q *Queue) finish(e Event, settings spec.Async, o outcome, condition string) {
	target := settings.OnFailure
	if condition == succeeded {
		target = settings.OnSuccess
	} else {
		q.cfg.Log.Warn("event failed", "id", e.ID, "function", e.Function, "condition", condition, "calls", e.Calls)
	}
	if target == "" {
		q.done(e)
		return
	}
	e.Delivery = &Delivery{Target: target, Record: q.record(e, o, condition)}
	e.Next, e.Payload = time.Now(), nil
	q.keep(e)
}
