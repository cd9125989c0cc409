package gatewaytest

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Invoker is a function as spec.Invoker.
type Invoker func(ctx context.Context, inv spec.Invocation) (*spec.Result, error)

var _ spec.Invoker = Invoker(nil)

// Invoke implements spec.Invoker.
func (f Invoker) Invoke(ctx context.Context, inv spec.Invocation) (*spec.Result, error) {
	return f(ctx, inv)
}

// Answer is a buffered result.
func Answer(body []byte) *spec.Result {
	return &spec.Result{
		Version: "$LATEST", ContentType: "application/json", Body: io.NopCloser(bytes.NewReader(body)),
		Trailer: func() spec.Trailer { return spec.Trailer{Run: time.Millisecond, LogTail: []byte("hello\n")} },
		Phases:  spec.Phases{Queue: 20 * time.Microsecond},
	}
}

// Stream is a streamed result that ends as t says.
func Stream(contentType string, body io.Reader, t spec.Trailer) *spec.Result {
	rc, ok := body.(io.ReadCloser)
	if !ok {
		rc = io.NopCloser(body)
	}
	return &spec.Result{Version: "$LATEST", ContentType: contentType, Streaming: true, Body: rc, Trailer: func() spec.Trailer { return t }}
}

// Fail is a result whose function failed with a JSON error body.
func Fail(kind, errorType string, body []byte) *spec.Result {
	r := Answer(body)
	r.FunctionError = kind
	r.Trailer = func() spec.Trailer {
		return spec.Trailer{FunctionError: kind, ErrorType: errorType, ErrorBody: body}
	}
	return r
}

// Echo answers every event with itself.
var Echo = Invoker(func(_ context.Context, inv spec.Invocation) (*spec.Result, error) { return Answer(inv.Payload), nil })
