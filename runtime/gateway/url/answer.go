package url

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/runtime/spec/urlevent"
)

// answer is a function's result as an HTTP response.
type answer struct {
	status int
	header http.Header
	body   []byte
	run    time.Duration
}

// output is an answer in payload format 2.0, and a streamed answer's prelude, which has no body.
type output struct {
	StatusCode        json.RawMessage     `json:"statusCode"`
	Headers           urlevent.Headers    `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Cookies           []string            `json:"cookies"`
	Body              *json.RawMessage    `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// errBadAnswer is an answer that is not what its form promises: the function's fault, 502.
func errBadAnswer(format string, args ...any) error {
	return &gateway.Typed{Status: http.StatusBadGateway, Type: "InvalidResponseException", Err: fmt.Errorf("the function's answer is not valid: "+format, args...)}
}

// collect reads a result to its end and interprets it; head is that of a streamed one.
func (h *Handler) collect(res *spec.Result, head answer, body io.Reader) (answer, error) {
	b, err := io.ReadAll(io.LimitReader(body, h.Response+1))
	if err != nil {
		return answer{}, fmt.Errorf("read the function's answer: %w", err)
	}
	if int64(len(b)) > h.Response {
		return answer{}, errBadAnswer("it exceeds %d bytes; let the function stream it (invokeMode: RESPONSE_STREAM)", h.Response)
	}
	t := res.Trailer()
	switch {
	case res.FunctionError != "" || t.FunctionError != "":
		a := failure(t.ErrorType, errorOf(res, t, b))
		a.run = t.Run
		return a, nil
	case head.status != 0 && res.ContentType == urlevent.Integration:
		head.body, head.run = b, t.Run
		return head, nil
	}
	a, err := interpret(b, head)
	a.run = t.Run
	return a, err
}

// errorOf is the JSON that goes with a function error.
func errorOf(res *spec.Result, t spec.Trailer, body []byte) []byte {
	if res.FunctionError == "" || len(body) == 0 {
		body = t.ErrorBody
	}
	if len(body) == 0 {
		body, _ = json.Marshal(map[string]string{"errorType": t.ErrorType, "errorMessage": "the function failed without saying why"})
	}
	return body
}

// failure is the answer for a function that failed: its own error as JSON.
func failure(errorType string, body []byte) answer {
	h := http.Header{"Content-Type": {"application/json"}, "X-Amzn-Errortype": {"FunctionError"}}
	return answer{status: gateway.FunctionStatus(errorType), header: h, body: body}
}

// interpret reads a buffered answer: format 2.0 when it is an object with a statusCode, else a body under head, which is
// that of JSON where the function has named no other type.
func interpret(b []byte, head answer) (answer, error) {
	var out output
	var err error
	if looksFormatted(b) {
		err = json.Unmarshal(b, &out) // fills in what fits, also where something does not
	}
	if _, ok := out.status(); !ok {
		if head.status == 0 {
			head = answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}}
		}
		head.body = b
		return head, nil
	}
	if err != nil {
		return answer{}, errBadAnswer("it has a statusCode, but %s", misfit(err))
	}
	a, err := out.head()
	if err != nil {
		return a, err
	}
	a.body, err = out.bytes()
	return a, err
}

// misfit says in which field an answer has not the form of an HTTP answer.
func misfit(err error) string {
	var e *json.UnmarshalTypeError
	if !errors.As(err, &e) {
		return "not the form of an HTTP answer: " + err.Error()
	}
	return fmt.Sprintf("%s is a JSON %s; an HTTP answer has headers (an object of strings), cookies (a list of strings), body and isBase64Encoded", e.Field, e.Value)
}

// status is the answer's status code, if it has one.
func (o output) status() (int, bool) {
	var code urlevent.Status
	if len(o.StatusCode) == 0 || json.Unmarshal(o.StatusCode, &code) != nil {
		return 0, false
	}
	return int(code), true
}

// looksFormatted spares parsing large answers that are not format 2.0.
func looksFormatted(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 0 && b[0] == '{' && bytes.Contains(b, []byte(`"statusCode"`))
}

// bytes is the body. One that is not a JSON string is sent as the JSON that it is.
func (o output) bytes() ([]byte, error) {
	if o.Body == nil {
		return nil, nil
	}
	var s string
	if json.Unmarshal(*o.Body, &s) != nil {
		return *o.Body, nil //nolint:nilerr // any other JSON is a body too
	}
	if !o.IsBase64Encoded {
		return []byte(s), nil
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, errBadAnswer("isBase64Encoded is set but the body is not base64: %w", err)
	}
	return b, nil
}

// head is status, headers and cookies, checked: a header that HTTP cannot carry must not reach the wire.
func (o output) head() (answer, error) {
	a := answer{status: http.StatusOK, header: http.Header{}}
	if code, ok := o.status(); ok {
		a.status = code
	}
	if a.status < 200 || a.status > 599 {
		return a, errBadAnswer("statusCode is %d; it takes 200 to 599", a.status)
	}
	for k, v := range o.Headers {
		if err := a.add(k, v); err != nil {
			return a, err
		}
	}
	for k, vs := range o.MultiValueHeaders {
		a.header.Del(k)
		for _, v := range vs {
			if err := a.add(k, v); err != nil {
				return a, err
			}
		}
	}
	for _, c := range o.Cookies {
		if err := a.add("Set-Cookie", c); err != nil {
			return a, err
		}
	}
	if a.header.Get("Content-Type") == "" {
		a.header.Set("Content-Type", "application/json")
	}
	return a, nil
}

func (a *answer) add(k, v string) error {
	if !httpguts.ValidHeaderFieldName(k) || !httpguts.ValidHeaderFieldValue(v) {
		return errBadAnswer("header %q cannot be sent", k)
	}
	switch k = textproto.CanonicalMIMEHeaderKey(k); k {
	case "Content-Length", "Transfer-Encoding", "Connection", "Date", "Server-Timing", "X-Amzn-Requestid":
		return nil // the gateway's own
	}
	a.header[k] = append(a.header[k], v)
	return nil
}

func (a answer) writeHead(w http.ResponseWriter) {
	h := w.Header()
	for k, v := range a.header {
		if strings.HasPrefix(k, "Access-Control-") && h.Get(k) != "" {
			continue // the URL's CORS configuration wins over the function, as at AWS
		}
		if k == "Vary" { // the URL's CORS configuration has its own part in it
			v = append(h[k], v...)
		}
		h[k] = v
	}
	w.WriteHeader(a.status)
}

func (a answer) writeTo(w http.ResponseWriter) {
	if a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	a.writeHead(w)
	if len(a.body) > 0 {
		w.Write(a.body) // net/http drops it for HEAD
	}
}
