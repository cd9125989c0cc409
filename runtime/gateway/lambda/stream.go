package lambda

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
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
	res, err := a.result(r, inv, fn)
	if err != nil {
		return err
	}
	defer res.Body.Close()
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
	streamTo(w, res, func() string {
		if !inv.Tail {
			return ""
		}
		return logResult(inv, fn, res, res.Trailer())
	})
	return nil
}

// streamTo sends a result as it comes. The head is out: a broken answer can only be told in InvokeComplete.
func streamTo(w http.ResponseWriter, res *spec.Result, log func() string) {
	enc, flush := eventstream.NewEncoder(), http.NewResponseController(w)
	flush.Flush()
	buf, chunk := make([]byte, 64<<10), eventHeaders("PayloadChunk", "application/octet-stream")
	for {
		n, err := res.Body.Read(buf)
		if n > 0 {
			if enc.Encode(w, eventstream.Message{Headers: chunk, Payload: buf[:n]}) != nil || flush.Flush() != nil {
				return // the client has gone; closing the body cancels the invocation
			}
		}
		if err != nil {
			payload, _ := json.Marshal(complete(res, err, log))
			gateway.SetRunTrailer(w, res.Trailer().Run)
			// a client that has gone does not hear the end
			_ = enc.Encode(w, eventstream.Message{Headers: eventHeaders("InvokeComplete", "application/json"), Payload: payload})
			return
		}
	}
}

type invokeComplete struct {
	ErrorCode    string `json:"ErrorCode,omitempty"`
	ErrorDetails string `json:"ErrorDetails,omitempty"`
	LogResult    string `json:"LogResult,omitempty"`
}

// complete says how a stream ended; err is what its last Read gave.
func complete(res *spec.Result, err error, log func() string) invokeComplete {
	if !errors.Is(err, io.EOF) {
		return invokeComplete{ErrorCode: "ServiceException", ErrorDetails: err.Error()}
	}
	t, c := res.Trailer(), invokeComplete{LogResult: log()}
	if t.FunctionError != "" || res.FunctionError != "" {
		c.ErrorCode, c.ErrorDetails = t.ErrorType, string(t.ErrorBody)
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
