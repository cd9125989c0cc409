package lambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/videosdgx/videosdgx/internal/jsonform"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/answer"
)

// defaultPayload is Lambda's limit on a synchronous event, in bytes, for functions that name none.
const defaultPayload = 6 << 20

// maxContext is Lambda's limit on a client context, in bytes of base64.
const maxContext = 3583

// valid says why a payload is not JSON in UTF-8.
func valid(payload []byte) error {
	if !jsonform.Valid(payload) {
		return json.Unmarshal(payload, new(any))
	}
	if !utf8.Valid(payload) {
		return errors.New("it is not UTF-8")
	}
	return nil
}

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
	} else if err := valid(payload); err != nil {
		return spec.Invocation{}, badContent(err)
	}
	id := gateway.RequestID(w)
	inv := spec.Invocation{ID: id, Function: ref.Name, Qualifier: ref.Qualifier, Version: fn.Version, Payload: payload, TraceID: gateway.TraceID(r, id)}
	if c := r.Header.Get("X-Amz-Client-Context"); c != "" {
		if len(c) > maxContext {
			return inv, invalid("X-Amz-Client-Context of %d bytes exceeds its limit of %d", len(c), maxContext)
		}
		b, err := base64.StdEncoding.DecodeString(c)
		if err != nil || !json.Valid(b) {
			return inv, invalid("X-Amz-Client-Context is not base64 of JSON")
		}
		inv.ClientContext = string(b)
	}
	return inv, nil
}

// respond invokes and answers once the whole result is there, since its headers come from its end. A caller that leaves does
// not end the function, as at AWS.
func (a *API) respond(w http.ResponseWriter, r *http.Request, inv spec.Invocation, fn spec.Function) error {
	ctx, cancel := gateway.Detached(r)
	defer cancel()
	defer gateway.FreeBody(inv.Payload)
	res, err := a.result(ctx, inv, fn)
	if err != nil {
		return err
	}
	b := a.Spool.Buffer()
	defer b.Close()
	failed, err := answer.Collect(res, res.Body, b, a.Response)
	if errors.Is(err, answer.ErrTooLong) {
		failed = &answer.Failure{Body: oversized(a.Response)}
	} else if err != nil {
		return err
	}
	t, h := res.Trailer(), w.Header()
	gateway.SetPhases(w, res.Phases, t.Run)
	h["Content-Type"] = contentJSON
	h["X-Amz-Executed-Version"] = []string{res.Version}
	if inv.Tail {
		h["X-Amz-Log-Result"] = []string{logResult(inv, fn, res, t)}
	}
	if failed != nil {
		h["X-Amz-Function-Error"] = unhandled
		return a.send(w, bytes.NewReader(failed.Body), int64(len(failed.Body)))
	}
	return a.send(w, b.Reader(), b.Size())
}

// send answers with size bytes. A caller that does not read them loses the connection.
func (a *API) send(w http.ResponseWriter, body io.Reader, size int64) error {
	w.Header()["Content-Length"] = []string{strconv.FormatInt(size, 10)}
	w.WriteHeader(http.StatusOK)
	if gateway.Send(w, body, a.Stall, false) != nil {
		return http.ErrAbortHandler
	}
	return nil
}

// result invokes. A function that failed to become ready has an answer too: its error.
func (a *API) result(ctx context.Context, inv spec.Invocation, fn spec.Function) (*spec.Result, error) {
	res, err := a.Invoker.Invoke(ctx, inv)
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
