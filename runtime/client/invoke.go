package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Ways of invoking.
const (
	RequestResponse = "RequestResponse" // wait for the answer
	EventOnly       = "Event"           // queue the event and do not wait
	DryRun          = "DryRun"          // only look whether the function is there
)

// Invocation is one event for a function, through Lambda's Invoke.
type Invocation struct {
	Function  string
	Qualifier string // version or alias; "": $LATEST
	Payload   []byte // JSON; nil: {}
	Kind      string // default RequestResponse
	Tail      bool   // ask for the last 4 KiB that the function logs
}

// Result is a function's whole answer.
type Result struct {
	Status        int
	RequestID     string
	Version       string
	FunctionError string // "" unless the function failed; Payload then has its error
	Payload       []byte
	Log           string            // with Tail
	Phases        map[string]string // where the time went, from Server-Timing, in milliseconds
	Timing        string            // the same as it was sent
}

// Invoke sends an event and reads the answer. A function that fails is a Result with a FunctionError, not an error.
func (c *Client) Invoke(ctx context.Context, in Invocation) (Result, error) {
	path := lambdaPath(in.Function) + "/invocations"
	if in.Qualifier != "" {
		path += "?Qualifier=" + url.QueryEscape(in.Qualifier)
	}
	h := http.Header{"Content-Type": {"application/json"}}
	if in.Kind != "" {
		h.Set("X-Amz-Invocation-Type", in.Kind)
	}
	if in.Tail {
		h.Set("X-Amz-Log-Type", "Tail")
	}
	resp, err := c.Send(ctx, http.MethodPost, path, h, bytes.NewReader(in.Payload))
	if err != nil {
		return Result{}, err
	}
	defer resp.Body.Close()
	return readResult(resp)
}

func readResult(resp *http.Response) (Result, error) {
	h := resp.Header
	r := Result{Status: resp.StatusCode, RequestID: h.Get("X-Amzn-Requestid"), Version: h.Get("X-Amz-Executed-Version"),
		FunctionError: h.Get("X-Amz-Function-Error"), Timing: h.Get("Server-Timing")}
	r.Phases = phases(r.Timing)
	log, err := base64.StdEncoding.DecodeString(h.Get("X-Amz-Log-Result"))
	if err != nil {
		return r, fmt.Errorf("the log in the answer is not base64: %w", err)
	}
	r.Log = string(log)
	var b bytes.Buffer
	b.Grow(int(max(resp.ContentLength, 0)) + bytes.MinRead)
	if _, err := b.ReadFrom(resp.Body); err != nil {
		return r, fmt.Errorf("read the answer: %w", err)
	}
	r.Payload = b.Bytes()
	return r, nil
}

// phases reads Server-Timing, "queue;dur=0.1, run;dur=3".
func phases(timing string) map[string]string {
	all := map[string]string{}
	for part := range strings.SplitSeq(timing, ",") {
		if name, dur, ok := strings.Cut(strings.TrimSpace(part), ";dur="); ok {
			all[name] = dur
		}
	}
	return all
}

// FunctionURL is the address of a function, name or name:qualifier, for HTTP clients.
func (c *Client) FunctionURL(function string) string {
	return c.server + "/fn/" + segment(function) + "/"
}

// Stream sends an event to a function's URL and gives the answer as it comes. The caller closes it; closing early cancels.
func (c *Client) Stream(ctx context.Context, function string, payload []byte) (io.ReadCloser, error) {
	resp, err := c.Fetch(ctx, http.MethodPost, function, "/", http.Header{"Content-Type": {"application/json"}}, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Fetch does one HTTP request of a function's URL; path begins with / and may carry a query. The caller closes the body. An
// answer of 400 or above, be it the function's own, is an *Error.
func (c *Client) Fetch(ctx context.Context, method, function, path string, header http.Header, body io.Reader) (*http.Response, error) {
	return c.Send(ctx, method, "/fn/"+segment(function)+path, header, body)
}
