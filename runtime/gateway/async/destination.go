package async

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

// maxRecordPayload cuts off what a record carries of an answer, in bytes.
const maxRecordPayload = 256 << 10

// maxHops ends chains of destinations that lead back to where they began, as Lambda's loop detection does.
const maxHops = 16

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

// deliver takes a record to its destination; one that does not take it is asked again, then given up.
func (q *Queue) deliver(e Event) {
	err := q.send(e)
	if q.base.Err() != nil {
		return
	}
	if err == nil {
		q.done(e)
		return
	}
	if e.Delivery.Tries++; e.Delivery.Tries >= q.cfg.Tries {
		q.cfg.Log.Error("destination did not take a record, giving up", "id", e.ID, "target", e.Delivery.Target, "error", err)
		q.done(e)
		return
	}
	e.Next = time.Now().Add(q.backoff(e.Delivery.Tries-1, err))
	q.keep(e)
}

func (q *Queue) send(e Event) error {
	if d := e.Delivery; strings.Contains(d.Target, "://") {
		return q.post(d.Target, d.Record)
	}
	return q.forward(e)
}

// forward makes the record an event of the destination function.
func (q *Queue) forward(e Event) error {
	if e.Hops+1 >= maxHops {
		q.cfg.Log.Error("destinations form a loop, the record is dropped", "id", e.ID, "target", e.Delivery.Target, "hops", e.Hops)
		return nil
	}
	name, qualifier, _ := strings.Cut(e.Delivery.Target, ":")
	if _, err := q.cfg.Functions.Get(q.base, name, qualifier); err != nil {
		return err // as an event it would only be dropped, and the record with it
	}
	now := time.Now()
	return q.accept(Event{ID: uuid.NewString(), Function: name, Qualifier: qualifier, Payload: e.Delivery.Record, TraceID: e.TraceID,
		Accepted: now, Next: now, Hops: e.Hops + 1})
}

func (q *Queue) post(url string, body []byte) error {
	ctx, cancel := context.WithTimeout(q.base, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := q.cfg.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can serve again
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return nil
}
