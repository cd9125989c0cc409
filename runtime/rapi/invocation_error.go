package rapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/rapi/http1"
)

// maxErrorBody bounds what a function may say about an error, in bytes.
const maxErrorBody = 256 << 10

// invocationError is POST /runtime/invocation/{id}/error: the handler failed. What it posted becomes the answer.
func (s *Server) invocationError(w *http1.Reply, r *http1.Request, c *Call) {
	body, err := readError(r)
	if err != nil {
		fail(w, 413, "RequestEntityTooLarge", "an error body may have 256 KiB")
		return
	}
	wanted, mine := c.answer()
	if !mine {
		fail(w, 400, "InvalidStateTransition", "this event has been answered already")
		return
	}
	defer c.finish()
	if wanted {
		c.sink.Head(Head{ContentType: "application/json", FunctionError: "Handled"})
		if len(body) > 0 {
			c.sink.Data(body)
		}
		c.finish() // first: the next event may come as soon as this one's end is known
		c.sink.End(Outcome{FunctionError: "Handled", ErrorType: typeOf(r, body), ErrorBody: body})
	}
	ok(w)
}

// readError reads an error's JSON, bounded; what is not JSON becomes the message of an error that is.
func readError(r *http1.Request) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxErrorBody+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxErrorBody {
		return nil, errors.New("error body too large")
	}
	if v := validJSON(b); v != nil || len(b) == 0 {
		return v, nil
	}
	return unhandled(string(b)), nil
}

// unhandled is a text as an error, cut where its escapes would make it longer than an error may be.
func unhandled(text string) []byte {
	for {
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(map[string]string{"errorType": "Unhandled", "errorMessage": text}) // of strings: cannot fail
		if out.Len() <= maxErrorBody {
			return bytes.TrimSpace(out.Bytes())
		}
		text = strings.ToValidUTF8(text[:len(text)/2], "")
	}
}

// maxErrorType bounds the name of an error's type, in bytes: it travels beside the body that has all of it.
const maxErrorType = 1 << 10

func typeOf(r *http1.Request, body []byte) string {
	var e struct{ ErrorType string }
	if e.ErrorType = r.Header.Get(errorType); e.ErrorType == "" {
		_ = json.Unmarshal(body, &e) // without a type, it has none
	}
	return strings.ToValidUTF8(e.ErrorType[:min(len(e.ErrorType), maxErrorType)], "")
}

// validJSON gives b when it is JSON, else nil.
func validJSON(b []byte) []byte {
	if !json.Valid(b) {
		return nil
	}
	return b
}
