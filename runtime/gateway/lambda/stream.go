package lambda

import (
	"encoding/json"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/answer"
)

// invokeStream is InvokeWithResponseStream: the answer as event-stream messages, PayloadChunk* InvokeComplete.
func (a *API) invokeStream(w http.ResponseWriter, r *http.Request) error {
	ref, fn, err := a.callee(r)
	if err != nil {
		return err
	}
	inv, err := a.invocation(w, r, ref, fn, false)
	if err != nil {
		return err
	}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		return invalid("invocation type %q is not one of RequestResponse, DryRun", kind)
	}
	inv.Tail = r.Header.Get("X-Amz-Log-Type") == "Tail"
	ctx, cancel := gateway.Detached(r)
	defer cancel()
	res, err := a.result(ctx, inv, fn)
	if err != nil {
		return err
	}
	ahead := gateway.RunAhead(a.Spool, res, res.Body, true)
	defer ahead.Wait()
	defer ahead.Close()
	gateway.SetPhases(w, res.Phases, 0)
	h := w.Header()
	h.Set("Content-Type", "application/vnd.amazon.eventstream")
	h.Set("X-Amz-Executed-Version", res.Version)
	content := res.ContentType
	if content == "" {
		content = "application/octet-stream"
	}
	h.Set("X-Amzn-Remapped-Content-Type", content)
	w.WriteHeader(http.StatusOK)
	err = gateway.Send(eventWriter{w}, ahead, a.Stall, true)
	if r.Context().Err() != nil {
		return nil // nobody is left to be told
	}
	ahead.Wait()
	done, _ := json.Marshal(complete(res, err, func() string { // of strings: cannot fail
		if !inv.Tail {
			return ""
		}
		return logResult(inv, fn, res, res.Trailer())
	}))
	gateway.SetRunTrailer(w, res.Trailer().Run)
	// a client that has gone does not hear the end
	_ = eventstream.NewEncoder().Encode(w, eventstream.Message{Headers: eventHeaders("InvokeComplete", "application/json"), Payload: done})
	return nil
}

// eventWriter writes each piece as a message.
type eventWriter struct{ http.ResponseWriter }

func (e eventWriter) Unwrap() http.ResponseWriter { return e.ResponseWriter }

var chunk = eventHeaders("PayloadChunk", "application/octet-stream")

func (e eventWriter) Write(p []byte) (int, error) {
	if err := eventstream.NewEncoder().Encode(e.ResponseWriter, eventstream.Message{Headers: chunk, Payload: p}); err != nil {
		return 0, err
	}
	return len(p), nil
}

type invokeComplete struct {
	ErrorCode    string `json:"ErrorCode,omitempty"`
	ErrorDetails string `json:"ErrorDetails,omitempty"`
	LogResult    string `json:"LogResult,omitempty"`
}

// complete says how a stream ended; err is why it broke off. The head is out: it can be told here only.
func complete(res *spec.Result, err error, log func() string) invokeComplete {
	if err != nil {
		return invokeComplete{ErrorCode: "ServiceException", ErrorDetails: err.Error()}
	}
	c := invokeComplete{LogResult: log()}
	if f := answer.FailureOf(res, nil); f != nil {
		c.ErrorCode, c.ErrorDetails = f.Type, string(f.Body)
		if c.ErrorCode == "" {
			c.ErrorCode = "Unhandled"
		}
	}
	return c
}

func eventHeaders(event, content string) eventstream.Headers {
	return eventstream.Headers{
		{Name: ":event-type", Value: eventstream.StringValue(event)},
		{Name: ":content-type", Value: eventstream.StringValue(content)},
		{Name: ":message-type", Value: eventstream.StringValue("event")},
	}
}
