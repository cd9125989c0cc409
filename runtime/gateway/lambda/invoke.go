package lambda

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/jsonform"
)

// defaultPayload is Lambda's limit on a synchronous event, in bytes, for functions that name none.
const defaultPayload = 6 << 20

var emptyEvent = []byte("{}") // what a function gets when the caller sends nothing

// invoke is Invoke: RequestResponse, Event or DryRun by X-Amz-Invocation-Type.
func (a *API) invoke(w http.ResponseWriter, r *http.Request) error {
	ref, fn, err := a.callee(r)
	if err != nil {
		return err
	}
	kind := r.Header.Get("X-Amz-Invocation-Type")
	inv, err := a.invocation(w, r, ref, fn, kind == "Event")
	if err != nil {
		return err
	}
	switch kind {
	case "", "RequestResponse":
		inv.Tail = r.Header.Get("X-Amz-Log-Type") == "Tail"
		return a.respond(w, r, inv, fn)
	case "Event":
		return a.enqueue(w, r, inv)
	case "DryRun":
		w.Header().Set("X-Amz-Executed-Version", fn.Version)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return invalid("invocation type %q is not one of RequestResponse, Event, DryRun", kind)
}

// invocation reads and checks what a caller sends.
func (a *API) invocation(w http.ResponseWriter, r *http.Request, ref Ref, fn spec.Function, async bool) (spec.Invocation, error) {
	limit := int64(fn.Limits.Payload)
	if limit == 0 {
		limit = defaultPayload
	}
	if async {
		limit = min(limit, a.Async)
	}
	payload, err := gateway.ReadBody(r, limit, "the payload")
	if err != nil {
		return spec.Invocation{}, err
	}
	if len(payload) == 0 {
		payload = emptyEvent
	} else if !jsonform.Valid(payload) {
		return spec.Invocation{}, badContent(json.Unmarshal(payload, new(any)))
	}
	id := gateway.RequestID(w)
	inv := spec.Invocation{ID: id, Function: ref.Name, Qualifier: ref.Qualifier, Version: fn.Version, Payload: payload, TraceID: gateway.TraceID(r, id)}
	if c := r.Header.Get("X-Amz-Client-Context"); c != "" {
		b, err := base64.StdEncoding.DecodeString(c)
		if err != nil || !json.Valid(b) {
			return inv, invalid("X-Amz-Client-Context is not base64 of JSON")
		}
		inv.ClientContext = string(b)
	}
	return inv, nil
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// respond invokes and answers once the whole result is there, since its headers come from its end.
func (a *API) respond(w http.ResponseWriter, r *http.Request, inv spec.Invocation, fn spec.Function) error {
	res, err := a.result(r, inv, fn)
	if err != nil {
		return err
	}
	buf := buffers.Get().(*bytes.Buffer)
	defer giveBack(buf)
	buf.Reset()
	n, err := buf.ReadFrom(io.LimitReader(res.Body, a.Response+1))
	res.Body.Close()
	if err != nil {
		return fmt.Errorf("read the function's answer: %w", err)
	}
	t, body, failed := res.Trailer(), buf.Bytes(), res.FunctionError
	if t.FunctionError != "" {
		failed = t.FunctionError
	}
	if failed != "" && (res.FunctionError == "" || len(body) == 0) {
		body = errorBody(t)
	}
	if n > a.Response {
		failed, body = "Unhandled", oversized(a.Response)
	}
	h := w.Header()
	gateway.SetPhases(w, res.Phases, t.Run)
	h["Content-Type"] = contentJSON
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["X-Amz-Executed-Version"] = []string{res.Version}
	if failed != "" {
		h["X-Amz-Function-Error"] = unhandled
	}
	if inv.Tail {
		h["X-Amz-Log-Result"] = []string{logResult(inv, fn, res, t)}
	}
	w.WriteHeader(http.StatusOK)
	w.Write(body)
	return nil
}

// result invokes. A function that failed to become ready has an answer too: its error.
func (a *API) result(r *http.Request, inv spec.Invocation, fn spec.Function) (*spec.Result, error) {
	res, err := a.Invoker.Invoke(r.Context(), inv)
	rep, failed := gateway.InitFailure(err, inv.ID)
	if !failed {
		return res, err
	}
	t := spec.Trailer{FunctionError: "Unhandled", ErrorType: rep.ErrorType, ErrorBody: rep.Body, LogTail: rep.Log}
	return &spec.Result{
		Version: fn.Version, ContentType: "application/json", FunctionError: t.FunctionError, Body: io.NopCloser(bytes.NewReader(rep.Body)),
		Trailer: func() spec.Trailer { return t },
	}, nil
}

// unhandled is what Lambda says of every function error, also of one that the function reported itself.
var unhandled = []string{"Unhandled"}

var contentJSON = []string{"application/json"}

// giveBack keeps a buffer for the next answer unless it has grown larger than Lambda's own limit makes them: growing one
// to 5 MiB costs more than sending it. What is not used again goes with the second garbage collection.
func giveBack(b *bytes.Buffer) {
	if b.Cap() <= 16<<20 {
		buffers.Put(b)
	}
}

// errorBody is the JSON that goes with a function error.
func errorBody(t spec.Trailer) []byte {
	if len(t.ErrorBody) > 0 {
		return t.ErrorBody
	}
	b, _ := json.Marshal(map[string]string{"errorType": t.ErrorType, "errorMessage": "the function failed without saying why"})
	return b
}

func oversized(limit int64) []byte {
	b, _ := json.Marshal(map[string]string{
		"errorType":    "Function.ResponseSizeTooLarge",
		"errorMessage": fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", limit),
	})
	return b
}

// enqueue is an Event invocation: 202 once it is stored. Which version will answer is not known yet.
func (a *API) enqueue(w http.ResponseWriter, r *http.Request, inv spec.Invocation) error {
	if a.Queue == nil {
		return invalid("Event invocations are switched off on this server")
	}
	if err := a.Queue.Enqueue(r.Context(), inv); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// invokeAsync is the older InvokeAsync call, which the AWS CLI still has.
func (a *API) invokeAsync(w http.ResponseWriter, r *http.Request) error {
	ref, fn, err := a.callee(r)
	if err != nil {
		return err
	}
	inv, err := a.invocation(w, r, ref, fn, true)
	if err != nil {
		return err
	}
	return a.enqueue(w, r, inv)
}
