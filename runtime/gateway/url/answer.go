package url

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/answer"
	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
	"github.com/videosdgx/videosdgx/runtime/spool"
)

// reply is a function's answer as an HTTP response.
type reply struct {
	status int
	header http.Header
	body   urlevent.Body
	run    time.Duration
	failed *answer.Failure // the answer is the function's error
}

// errBadAnswer is an answer that is not what its form promises: the function's fault, 502.
func errBadAnswer(err error) error {
	return &gateway.Typed{Status: http.StatusBadGateway, Type: "InvalidResponseException", Err: err}
}

// collect reads a result to its end into b and interprets it; head is that of a streamed one.
func (h *Handler) collect(res *spec.Result, head urlevent.Head, body io.Reader, b *spool.Buffer) (reply, error) {
	failed, err := answer.Collect(res, body, b, h.Response)
	if errors.Is(err, answer.ErrTooLong) {
		return reply{}, errBadAnswer(fmt.Errorf("%w: it exceeds %d bytes; let the function stream it (invokeMode: RESPONSE_STREAM)", urlevent.ErrAnswer, h.Response))
	}
	if err != nil {
		return reply{}, err
	}
	if failed != nil {
		return failure(failed, res.Trailer().Run), nil
	}
	a := urlevent.Answer{Head: head, Formatted: true, Body: urlevent.Whole(b, b.Size())}
	if head.StatusCode == 0 || res.ContentType != urlevent.Integration {
		if a, err = urlevent.Parse(b, b.Size()); err != nil {
			return reply{}, badAnswer(err)
		}
	}
	if !a.Formatted && head.StatusCode != 0 {
		a.Head = head
	}
	r, err := replyOf(a.Head)
	r.body, r.run = a.Body, res.Trailer().Run
	return r, err
}

// badAnswer gives an error of reading an answer its place: one of its form is the function's fault.
func badAnswer(err error) error {
	if errors.Is(err, urlevent.ErrAnswer) {
		return errBadAnswer(err)
	}
	return err
}

// failure is the reply for a function that failed: what its error says, without the places in its code where it arose.
func failure(f *answer.Failure, run time.Duration) reply {
	text, kind := f.Message()
	b, _ := json.Marshal(struct { // of strings: cannot fail
		ErrorType    string `json:"errorType,omitempty"`
		ErrorMessage string `json:"errorMessage,omitempty"`
	}{kind, text})
	h := http.Header{"Content-Type": {"application/json"}, "X-Amzn-Errortype": {"FunctionError"}}
	return reply{status: gateway.FunctionStatus(f.Type), header: h, body: urlevent.Whole(bytes.NewReader(b), int64(len(b))), run: run, failed: f}
}

// replyOf checks a head: a header that HTTP cannot carry must not reach the wire.
func replyOf(head urlevent.Head) (reply, error) {
	r := reply{status: head.StatusCode, header: http.Header{}}
	order := head.Order
	if order == nil {
		order = slices.Sorted(maps.Keys(head.Headers))
	}
	for _, k := range order {
		if v, ok := head.Headers[k]; ok {
			if err := r.add(k, v); err != nil {
				return r, err
			}
		}
	}
	for k := range head.MultiValueHeaders {
		r.header.Del(k)
	}
	for _, k := range order {
		for _, v := range head.MultiValueHeaders[k] {
			if err := r.add(k, v); err != nil {
				return r, err
			}
		}
	}
	for _, c := range head.Cookies {
		if err := r.add("Set-Cookie", c); err != nil {
			return r, err
		}
	}
	if r.header.Get("Content-Type") == "" {
		r.header.Set("Content-Type", "application/json")
	}
	return r, nil
}

func (r *reply) add(k, v string) error {
	if !httpguts.ValidHeaderFieldName(k) || !httpguts.ValidHeaderFieldValue(v) {
		return errBadAnswer(fmt.Errorf("%w: header %q cannot be sent", urlevent.ErrAnswer, k))
	}
	switch k = http.CanonicalHeaderKey(k); k {
	case "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Trailer", "Upgrade", "Date", "Server-Timing", "X-Amzn-Requestid":
		return nil // the gateway's own
	}
	r.header[k] = append(r.header[k], v)
	return nil
}

func (r reply) writeHead(w http.ResponseWriter) {
	h := w.Header()
	for k, v := range r.header {
		if strings.HasPrefix(k, "Access-Control-") && h.Get(k) != "" {
			continue // the URL's CORS configuration wins over the function, as at AWS
		}
		if k == "Vary" { // the URL's CORS configuration has its own part in it
			v = append(h[k], v...)
		}
		h[k] = v
	}
	tellEngine(h, r.header.Get("X-Videosdgx-Engine"))
	w.WriteHeader(r.status)
}

// tellEngine puts the engine that a model function names into Server-Timing, beside the phases.
func tellEngine(h http.Header, name string) {
	if name == "" || len(name) > 100 || strings.ContainsAny(name, "\"\\") {
		return
	}
	v := `engine;desc="` + name + `"`
	if all := h["Server-Timing"]; len(all) > 0 {
		v = all[0] + ", " + v
	}
	h["Server-Timing"] = []string{v}
}

// writeTo sends the reply; an error comes before anything is sent.
func (r reply) writeTo(w http.ResponseWriter, req *http.Request, stall time.Duration) error {
	size, err := r.body.Size()
	if err != nil {
		return err
	}
	bodiless := r.status == http.StatusNoContent || r.status == http.StatusNotModified
	if !bodiless {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	}
	r.writeHead(w)
	if bodiless || size == 0 || req.Method == http.MethodHead {
		return nil
	}
	if gateway.Send(w, r.body.Open(), stall, false) != nil {
		return http.ErrAbortHandler // the client has gone, or what is there of the answer must not look like all of it
	}
	return nil
}
