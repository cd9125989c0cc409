package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
)

// maxRecordPayload cuts off what a record carries of an answer, in bytes.
const maxRecordPayload = 256 << 10

// maxHops ends chains of destinations that lead back to where they began, as Lambda's loop detection does.
const maxHops = 16

var errLoop = errors.New("the record goes no further")

// record is what a destination gets; docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html.
type record struct {
	Version         string          `json:"version"`
	Timestamp       string          `json:"timestamp"`
	RequestContext  requestContext  `json:"requestContext"`
	RequestPayload  json.RawMessage `json:"requestPayload"`
	ResponseContext responseContext `json:"responseContext"`
	ResponsePayload json.RawMessage `json:"responsePayload,omitempty"`
}

type requestContext struct {
	RequestID   string `json:"requestId"`
	FunctionArn string `json:"functionArn"`
	Condition   string `json:"condition"`
	InvokeCount int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion,omitempty"`
	FunctionError   string `json:"functionError,omitempty"`
	// PayloadCut is not Lambda's, which has no such answers: responsePayload is a string with the beginning of an answer of
	// so many bytes.
	PayloadCut int64 `json:"payloadCut,omitempty"`
}

func (q *Queue) record(e Event, o outcome, condition string) []byte {
	qualifier := e.Qualifier
	if qualifier == "" {
		qualifier = "$LATEST"
	}
	r := record{
		Version: "1.0", Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		RequestContext:  requestContext{e.ID, q.cfg.ARN(e.Function, qualifier), condition, e.Calls},
		RequestPayload:  asJSON(e.Payload),
		ResponseContext: responseContext{StatusCode: http.StatusOK, ExecutedVersion: o.version, PayloadCut: o.cut},
		ResponsePayload: asJSON(o.body),
	}
	if o.failed != "" {
		r.ResponseContext.FunctionError = "Unhandled" // Lambda's word for every function error
	}
	b, _ := json.Marshal(r) // raw messages are valid JSON: cannot fail
	return b
}

// asJSON is b where it is JSON, else b as a JSON string.
func asJSON(b []byte) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("null")
	}
	if json.Valid(b) {
		return b
	}
	s, _ := json.Marshal(string(b))
	return s
}

// deliver takes a record to its destination; one that does not take it is asked again, then given up: the record is kept
// where nobody looks at it again but a person. What may not be called is not asked again.
func (q *Queue) deliver(e Event) {
	err := q.send(e)
	if q.base.Err() != nil {
		return
	}
	if err == nil {
		q.done(e)
		return
	}
	if e.Delivery.Tries++; e.Delivery.Tries >= q.cfg.Tries || errors.Is(err, errLoop) || errdefs.IsPermissionDenied(err) {
		q.setAside(e, err)
		return
	}
	e.Next = time.Now().Add(q.backoff(e.Delivery.Tries-1, err))
	q.keep(e)
}

// setAside keeps a record that nobody took, and frees its place.
func (q *Queue) setAside(e Event, reason error) {
	where, err := q.cfg.Store.SetAside(e.ID)
	if err != nil {
		q.cfg.Log.Error("a record that nobody took cannot be set aside", "id", e.ID, "error", err)
	}
	q.cfg.Log.Error("destination did not take a record, giving up", "id", e.ID, "target", shown(e.Delivery.Target), "error", reason, "kept", where)
	q.release()
}

// shown is a target as logs may have it.
func shown(target string) string {
	if isAddress(target) {
		return outgoing.Shown(target)
	}
	return target
}

func isAddress(target string) bool { return strings.Contains(target, "://") }

func (q *Queue) send(e Event) error {
	d := e.Delivery
	switch {
	case !isAddress(d.Target):
		return q.forward(e)
	case q.cfg.Poster == nil:
		return fmt.Errorf("this server posts nothing: %w", errdefs.ErrFailedPrecondition)
	}
	ctx, cancel := context.WithTimeout(q.base, 30*time.Second)
	defer cancel()
	return q.cfg.Poster.Post(ctx, d.Target, http.Header{"Content-Type": {"application/json"}}, d.Record)
}

// forward makes the record an event of the destination function.
func (q *Queue) forward(e Event) error {
	if e.Hops+1 >= maxHops {
		return fmt.Errorf("destinations form a loop of %d: %w", e.Hops, errLoop)
	}
	name, qualifier, _ := strings.Cut(e.Delivery.Target, ":")
	if _, err := q.cfg.Functions.Get(q.base, name, qualifier); err != nil {
		return err // as an event it would only be dropped, and the record with it
	}
	now := time.Now()
	return q.accept(Event{ID: uuid.NewString(), Function: name, Qualifier: qualifier, Payload: e.Delivery.Record, TraceID: e.TraceID,
		Accepted: now, Next: now, Hops: e.Hops + 1})
}
