package gateway

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"
)

// Details is RFC 9457's problem document, the one shape of errors in /v1 and /api/v1; message repeats detail for clients of the
// other APIs.
type Details struct {
	Type     string       `json:"type" doc:"A name for the kind of problem, stable"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail" doc:"What to do about it, in a sentence or two"`
	Instance string       `json:"instance,omitempty" doc:"The path asked for"`
	Message  string       `json:"message"`
	Job      string       `json:"job,omitempty" doc:"The job that waits although the request failed"`
	Errors   []FieldError `json:"errors,omitempty" doc:"Every field that is wrong"`
}

// FieldError is what is wrong with one field of a body.
type FieldError struct {
	Pointer string   `json:"pointer" doc:"JSON pointer into the body, as a fragment"`
	Detail  string   `json:"detail"`
	Minimum *float64 `json:"minimum,omitempty"`
	Maximum *float64 `json:"maximum,omitempty"`
}

// kinds name what each status means here.
var kinds = map[int]string{
	400: "invalid-request", 403: "forbidden", 404: "not-found", 405: "method-not-allowed", 406: "not-acceptable", 408: "body-too-slow", 409: "conflict", 412: "precondition-failed",
	413: "body-too-large", 415: "unsupported-media-type", 421: "misdirected", 422: "idempotency-key-reused", 429: "too-many", 499: "client-closed",
	500: "internal", 501: "not-implemented", 503: "unavailable", 504: "timeout", 507: "disk-full",
}

// Describe makes the document of a status.
func Describe(status int, detail string) Details {
	d := Details{Type: "/problems/" + kinds[status], Title: http.StatusText(status), Status: status, Detail: detail, Message: detail}
	switch {
	case kinds[status] == "":
		d.Type = "about:blank" // RFC 9457, 4.2.1: nothing but the status
	case status == StatusClientClosed:
		d.Title = "Client Closed Request"
	}
	return d
}

// Write answers with d for the path of r; after, if any, is when to ask again.
func (d Details) Write(w http.ResponseWriter, r *http.Request, after time.Duration) {
	d.Instance = r.URL.Path
	b, err := json.Marshal(d)
	if err != nil {
		http.Error(w, "the problem could not be encoded", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	if after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(d.Status)
	w.Write(b) //nolint:errcheck // the client has gone: nothing is left to tell it
}

// WriteDetails answers with err as problem details; X-Amzn-Errortype has its class in Lambda's words, as everywhere.
func WriteDetails(w http.ResponseWriter, r *http.Request, err error) {
	BreakOff(err)
	writeDetails(w, r, Explain(err))
}

func writeDetails(w http.ResponseWriter, r *http.Request, p Problem) {
	w.Header().Set("X-Amzn-Errortype", p.Type)
	Describe(p.Status, p.Message).Write(w, r, p.RetryAfter)
}
